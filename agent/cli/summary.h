// What a run did, in a few lines for stderr: requests, traces, links and refusals,
// and the three ledgers, so that what is missing is known to be missing.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/counters.h"
#include "agent/source/event_source.h"
#include "agent/span/span.h"
#include "agent/span/stitcher.h"
#include "exporter/export_worker.h"

namespace tracelet::cli {

// Counts spans on their way to the exporter. Pipeline thread.
class SpanTally : public span::SpanSink {
 public:
  explicit SpanTally(span::SpanSink& next) : next_(next) {}

  void OnSpan(std::shared_ptr<const span::Span> span) override;
  void OnWatermark(uint64_t unix_ns) override { next_.OnWatermark(unix_ns); }

  [[nodiscard]] uint64_t served() const { return served_; }
  [[nodiscard]] uint64_t made() const { return made_; }
  [[nodiscard]] uint64_t errors() const { return errors_; }
  [[nodiscard]] uint64_t roots() const { return roots_; }
  [[nodiscard]] const Counters<span::LinkRule>& links() const { return links_; }
  [[nodiscard]] const Counters<span::LinkRefusal>& refusals() const { return refusals_; }

 private:
  span::SpanSink& next_;
  uint64_t served_ = 0;  // server spans
  uint64_t made_ = 0;    // client spans
  uint64_t errors_ = 0;
  uint64_t roots_ = 0;  // spans without a parent: each begins a trace
  Counters<span::LinkRule> links_;
  Counters<span::LinkRefusal> refusals_;
};

using NamedCounts = std::vector<std::pair<std::string_view, uint64_t>>;

template <typename E>
NamedCounts NonZero(const Counters<E>& counters) {
  NamedCounts counts;
  counters.ForEach([&](E what, uint64_t count) {
    if (count > 0) counts.emplace_back(Name(what), count);
  });
  return counts;
}

struct Ledgers {
  source::KernelLedger kernel;
  uint64_t events_used = 0;
  NamedCounts events_ignored;  // by the pipeline; the source's own are in `kernel`
  span::SpanLedger spans;
  std::string open = {};        // requests that had not ended: pipeline/open_requests.h
  uint64_t output_dropped = 0;  // of the exported spans: the reader of stdout was too slow, or left
};

// Several lines, each ended. `took`: how long capture was live.
std::string RenderSummary(const SpanTally& tally, const Ledgers& ledgers, std::chrono::milliseconds took);

// One line per exporter.
std::string RenderExports(const std::vector<std::pair<std::string, exporter::ExportLedger>>& exports);

}  // namespace tracelet::cli
