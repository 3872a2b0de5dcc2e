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
  // Until when the trace of this node may change so; 0: it does not.
  [[nodiscard]] uint64_t AwaitedUntil() {
    const TraceNode& root = Root();
    return root.fixed_ ? 0 : root.awaited_until_ns_;
  }
  // The id of its trace, fixed from now on because the caller tells it.
  TraceId Tell();
  // The sampling flag of the header that fixed the trace. Set before any Attach.
  void SetSampled(bool sampled) { sampled_ = sampled; }
  [[nodiscard]] std::optional<bool> Sampled() { return Root().sampled_; }

  [[nodiscard]] SpanId id() const { return id_; }
  [[nodiscard]] const TraceNode* parent() const { return parent_.get(); }

 private:
  static constexpr int kMaxDepth = 1'000;  // of calls on one host; a bound on the walk, not a policy

  TraceNode& Root();

  const SpanId id_;
  TraceId trace_id_;  // of roots only
  bool fixed_;
  std::optional<bool> sampled_;    // of roots only
  uint64_t awaited_until_ns_ = 0;  // of roots only
  std::shared_ptr<TraceNode> parent_;
};

}  // namespace tracelet::span
