// Keeps a share of the traces. What decides is the final trace id, so that all spans
// of a trace, on all nodes, are kept or not together; a service with a ratio of its
// own keeps more or less of the same order: whatever the lower ratio keeps, the
// higher one keeps too.
//
// As OpenTelemetry's consistent probability sampling has it: the last 56 bits of the
// trace id are random (W3C Trace Context level 2), and a trace is kept when they are
// at or above the threshold of the ratio. Where parent_based says so, the sampling
// flag in a header that the trace began with goes before the ratio.
#pragma once

#include "agent/pipeline/processor.h"
#include "config/config.h"

namespace tracelet::pipeline {

// Spans that applications sent themselves (span::Span::joined) end here.
class Sampler : public Processor {
 public:
  Sampler(const config::Sampler& config, span::SpanSink& next) : Processor(next), config_(config) {}

  // From the next span on.
  void Configure(const config::Sampler& config) { config_ = config; }
  void OnSpan(std::shared_ptr<const span::Span> span) override;

  [[nodiscard]] uint64_t seen() const { return seen_; }
  // The application's own span stands for these.
  [[nodiscard]] uint64_t joined() const { return joined_; }
  [[nodiscard]] uint64_t left_out() const { return left_out_; }

 private:
  [[nodiscard]] bool Keep(const span::Span& span) const;

  config::Sampler config_;
  uint64_t seen_ = 0;
  uint64_t left_out_ = 0;
  uint64_t joined_ = 0;
};

// The rule itself.
[[nodiscard]] bool KeepTrace(span::TraceId trace_id, double ratio);

}  // namespace tracelet::pipeline
