// Between the Assembler, which knows requests, and the Stitcher, which knows
// traces. For one handle calls come in this order: OnRequestStart once, then
// OnResponseOpenEnded perhaps, OnAnswered perhaps, OnRequestEnd or OnRequestDropped once. One thread.
#pragma once

#include <cstdint>
#include <memory>

#include "agent/conn/operation.h"
#include "agent/span/held_span.h"

namespace tracelet::span {

struct RequestStart;

class RequestSink {
 public:
  virtual ~RequestSink() = default;
  // The head of a request is known. `handle` is the Assembler's, unique for the run.
  virtual void OnRequestStart(uint64_t handle, RequestStart&& start) = 0;
  // Its response has begun and its end will not be seen: it may be over at any time from now on.
  virtual void OnResponseOpenEnded(uint64_t handle) = 0;
  // Who wrote the first byte of a server's response.
  virtual void OnAnswered(uint64_t handle, const conn::Operation& answer) = 0;
  // The request is over.
  virtual void OnRequestEnd(uint64_t handle, std::unique_ptr<const HeldSpan> span) = 0;
  // It was begun and never became a span; why is counted by the Assembler.
  virtual void OnRequestDropped(uint64_t handle) = 0;
  // Same meaning as source::EventSink::OnWatermark; the same moment on both clocks.
  virtual void OnWatermark(uint64_t monotonic_ns, uint64_t unix_ns) = 0;
};

}  // namespace tracelet::span
