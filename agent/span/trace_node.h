// The place of one span in its trace. Traces grow from both ends: a request's caller
// may become known after its own calls were linked to it, so a trace id is looked up
// at the root when it is needed, and never stored below it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "agent/span/ids.h"

namespace tracelet::span {

class TraceNode {
 public:
  // `fixed`: `trace_id` is known outside (a header carried it) and cannot change.
  TraceNode(SpanId id, TraceId trace_id, bool fixed) : id_(id), trace_id_(trace_id), fixed_(fixed) {}
  ~TraceNode();
  TraceNode(const TraceNode&) = delete;
  TraceNode& operator=(const TraceNode&) = delete;

  // Puts this node, a root, below `parent`. False, and nothing happens, when it is among
  // the ancestors of `parent`, when these are more than kMaxDepth, or when both traces
  // are fixed and differ.
  [[nodiscard]] bool Attach(const std::shared_ptr<TraceNode>& parent);
  // A root again, of the same trace where that was fixed.
  void Detach();
  // Puts this node, a root, into a trace that began elsewhere. False, and nothing happens, when it
  // has a parent or was told in another trace.
  [[nodiscard]] bool Adopt(TraceId trace_id, std::optional<bool> sampled);
  // The trace of this node, a root, may become another one until then (CLOCK_MONOTONIC); 0: no longer.
  void Await(uint64_t until_ns) { awaited_until_ns_ = until_ns; }
  // This node may become the span of an SDK, until then; 0: no longer. Its trace then becomes the SDK's.
  void AwaitSdk(uint64_t until_ns);
  [[nodiscard]] bool AwaitsSdk() const { return sdk_until_ns_ != 0; }
  // Takes the SDK's ids. False, and nothing happens, when its own were told to somebody.
  [[nodiscard]] bool BecomeSdkSpan(TraceId trace_id, SpanId id);
  // Until when the ids of this node, or of one above it, may change; 0: they do not.
  [[nodiscard]] uint64_t AwaitedUntil() const;
  // The id of its trace, fixed from now on because the caller tells it.
  TraceId Tell();
  // The sampling flag of the header that fixed the trace. Set before any Attach.
  void SetSampled(bool sampled) { sampled_ = sampled; }
  [[nodiscard]] std::optional<bool> Sampled() { return Root().sampled_; }

  [[nodiscard]] SpanId id() const { return id_; }
  // The same, and from now on they do not change, because the caller tells them.
  SpanId TellId() {
    id_told_ = true;
    return id_;
  }
  // Only with a parent.
  SpanId TellParentId() { return parent_->TellId(); }
  [[nodiscard]] const TraceNode* parent() const { return parent_.get(); }

 private:
  static constexpr int kMaxDepth = 1'000;  // of calls on one host; a bound on the walk, not a policy

  TraceNode& Root();

  SpanId id_;
  TraceId trace_id_;  // of roots only
  bool fixed_;
  bool id_told_ = false;
  std::optional<bool> sampled_;  // of roots only
  uint64_t sdk_until_ns_ = 0;
  uint64_t awaited_until_ns_ = 0;    // of roots only
  uint64_t sdk_below_until_ns_ = 0;  // of roots only: the latest of all nodes below
  std::shared_ptr<TraceNode> parent_;
};

}  // namespace tracelet::span
