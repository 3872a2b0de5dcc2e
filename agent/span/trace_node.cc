#include "agent/span/trace_node.h"

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
  parent_ = parent;
  return true;
}

void TraceNode::Detach() {
  const TraceNode& root = Root();
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

TraceId TraceNode::Tell() {
  TraceNode& root = Root();
  root.fixed_ = true;
  return root.trace_id_;
}

}  // namespace tracelet::span
