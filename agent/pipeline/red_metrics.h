// Requests, errors and durations per service and route, of all spans, sampled or not,
// as OpenTelemetry's http.server.request.duration and http.client.request.duration.
// Bounded: at most max_series combinations; what comes after that is counted as
// service "{other}". One thread; rendered by the same.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "agent/pipeline/processor.h"
#include "config/config.h"

namespace tracelet::pipeline {

class RedMetrics : public Processor {
 public:
  // Seconds; the advice of the semantic conventions for these two metrics.
  static constexpr std::array<double, 14> kBounds = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
                                                     0.5,   0.75, 1,     2.5,  5,     7.5, 10};

  RedMetrics(const config::RedMetrics& config, span::SpanSink& next) : Processor(next), config_(config) {}

  void OnSpan(std::shared_ptr<const span::Span> span) override;

  // In Prometheus' text format.
  void Render(std::string& out) const;
  [[nodiscard]] uint64_t overflowed() const { return overflowed_; }

 private:
  struct Series {
    std::array<uint64_t, kBounds.size() + 1> buckets{};
    uint64_t count = 0;
    uint64_t sum_ns = 0;
  };
  using ByLabels = std::unordered_map<std::string, Series>;  // labels as they are printed

  Series& Find(ByLabels& series, const span::Span& span);

  const config::RedMetrics config_;
  ByLabels server_;
  ByLabels client_;
  std::string labels_;  // reused
  uint64_t overflowed_ = 0;
};

}  // namespace tracelet::pipeline
