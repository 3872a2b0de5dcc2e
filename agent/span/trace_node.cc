#include "agent/span/trace_node.h"

#include <algorithm>
#include <utility>

namespace tracelet::span {

// A long chain of which this is the last owner must not be freed by recursion.
TraceNode::~TraceNode() {
  std::shared_ptr<TraceNode> next = std::move(parent_);
  while (next && next.use_count() == 1) next = std::exchange(next->parent_, nullptr);
}

TraceNode& TraceNode::Root() {
  TraceNode* node = this;
  while (node->parent_) node = node->parent_.get();
  return *node;
}

bool TraceNode::Attach(const std::shared_ptr<TraceNode>& parent) {
  TraceNode* root = parent.get();
  for (int depth = 0; root != this && root->parent_; root = root->parent_.get()) {
    if (++depth > kMaxDepth) return false;
  }
  if (root == this) return false;
  if (fixed_ && root->fixed_ && trace_id_ != root->trace_id_) return false;
  if (fixed_) {
    root->trace_id_ = trace_id_;
    root->fixed_ = true;
  }
  if (!root->sampled_) root->sampled_ = sampled_;
  root->sdk_below_until_ns_ = std::max({root->sdk_below_until_ns_, sdk_below_until_ns_, sdk_until_ns_});
  parent_ = parent;
  return true;
}

void TraceNode::Detach() {
  const TraceNode& root = Root();
  sdk_below_until_ns_ = root.sdk_below_until_ns_;
  if (root.fixed_) {
    trace_id_ = root.trace_id_;
    fixed_ = true;
    sampled_ = root.sampled_;
  }
  parent_ = nullptr;
}

bool TraceNode::Adopt(TraceId trace_id, std::optional<bool> sampled) {
  if (parent_ || (fixed_ && trace_id_ != trace_id)) return false;
  trace_id_ = trace_id;
  fixed_ = true;
  if (!sampled_) sampled_ = sampled;
  return true;
}

void TraceNode::AwaitSdk(uint64_t until_ns) {
  sdk_until_ns_ = until_ns;
  if (!parent_) return;
  TraceNode& root = Root();
  root.sdk_below_until_ns_ = std::max(root.sdk_below_until_ns_, until_ns);
}

bool TraceNode::BecomeSdkSpan(TraceId trace_id, SpanId id) {
  TraceNode& root = Root();
  if (id_told_ || (root.fixed_ && root.trace_id_ != trace_id)) return false;
  id_ = id;
  root.trace_id_ = trace_id;
  root.fixed_ = true;
  return true;
}

uint64_t TraceNode::AwaitedUntil() const {
  uint64_t until_ns = 0;
  const TraceNode* node = this;
  for (; node->parent_; node = node->parent_.get()) until_ns = std::max(until_ns, node->sdk_until_ns_);
  until_ns = std::max(until_ns, node->sdk_until_ns_);
  return node->fixed_ ? until_ns : std::max({until_ns, node->awaited_until_ns_, node->sdk_below_until_ns_});
}

TraceId TraceNode::Tell() {
  TraceNode& root = Root();
  root.fixed_ = true;
  return root.trace_id_;
}

}  // namespace tracelet::span
