// A step between the stitcher and the exporters: takes final spans, passes on all,
// some, or changed copies (a span that others hold is never changed). One thread.
#pragma once

#include "agent/span/span.h"

namespace tracelet::pipeline {

class Processor : public span::SpanSink {
 public:
  // `next` must outlive it.
  explicit Processor(span::SpanSink& next) : next_(next) {}
  void OnWatermark(uint64_t unix_ns) override { next_.OnWatermark(unix_ns); }

 protected:
  void Pass(std::shared_ptr<const span::Span> span) { next_.OnSpan(std::move(span)); }

 private:
  span::SpanSink& next_;
};

}  // namespace tracelet::pipeline
