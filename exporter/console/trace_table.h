// Gathers final spans by trace until a trace can be shown whole. A trace is ripe
// when every parent it names is in it and it was quiet for a moment, or when it
// has waited long enough for a parent that does not come: short where the parent
// was named by a header (it may be on another host), long where it is on this one
// (a slow request is still open). Time is the watermark only, so a replay gathers
// the same. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "agent/span/span.h"

namespace tracelet::exporter {

struct GatheredTrace {
  std::vector<std::shared_ptr<const span::Span>> spans;  // in order of arrival; never empty
  bool partial = false;                                  // shown before it was ripe, or a parent never came
};

struct TraceTableLimits {
  uint64_t quiet_ns = 100'000'000;
  uint64_t remote_parent_ns = 500'000'000;
  uint64_t local_parent_ns = 10'000'000'000;
  size_t max_traces = 4'096;           // beyond: the oldest is shown as it is
  size_t max_spans = 65'536;           // the same
  size_t max_spans_per_trace = 2'000;  // the trace is shown in parts
};

class TraceTable {
 public:
  using Show = std::function<void(GatheredTrace&&)>;

  TraceTable(const TraceTableLimits& limits, Show show) : limits_(limits), show_(std::move(show)) {}

  void Add(std::shared_ptr<const span::Span> span);
  void OnWatermark(uint64_t unix_ns);
  // Shows everything left.
  void Flush();

 private:
  struct Gathering {
    span::TraceId id;
    uint64_t last_arrival_ns = 0;
    uint64_t patience_ns = 0;  // 0: to be computed, it changes only with a new span
    std::vector<std::shared_ptr<const span::Span>> spans{};
  };
  using Gatherings = std::list<Gathering>;  // the one that grew longest ago first

  [[nodiscard]] uint64_t PatienceFor(const Gathering& gathering) const;
  void OnClockSetBack(uint64_t unix_ns);
  Gatherings::iterator ShowAndErase(Gatherings::iterator gathering);

  TraceTableLimits limits_;
  Show show_;
  Gatherings gatherings_;
  std::unordered_map<span::TraceId, Gatherings::iterator> by_id_;
  size_t spans_ = 0;
  uint64_t now_ns_ = 0;
  uint64_t next_look_ns_ = 0;
};

}  // namespace tracelet::exporter
