#include "exporter/console/trace_table.h"

#include <algorithm>
#include <unordered_set>

namespace tracelet::exporter {
namespace {

constexpr uint64_t kLookEveryNs = 20'000'000;

// Spans whose parent is named and not among them.
std::vector<const span::Span*> Orphans(const std::vector<std::shared_ptr<const span::Span>>& spans) {
  std::unordered_set<span::SpanId> known;
  for (const auto& span : spans) known.insert(span->span_id);
  std::vector<const span::Span*> orphans;
  for (const auto& span : spans) {
    if (span->parent_span_id && !known.contains(span->parent_span_id)) orphans.push_back(span.get());
  }
  return orphans;
}

}  // namespace

void TraceTable::Add(std::shared_ptr<const span::Span> span) {
  const auto [found, added] = by_id_.try_emplace(span->trace_id);
  if (added) {
    found->second = gatherings_.insert(gatherings_.end(), Gathering{.id = span->trace_id});
  } else {
    gatherings_.splice(gatherings_.end(), gatherings_, found->second);
  }
  Gathering& gathering = *found->second;
  gathering.last_arrival_ns = now_ns_;
  gathering.patience_ns = 0;
  gathering.spans.push_back(std::move(span));
  ++spans_;
  if (gathering.spans.size() >= limits_.max_spans_per_trace) ShowAndErase(found->second);
  while (gatherings_.size() > limits_.max_traces || spans_ > limits_.max_spans) ShowAndErase(gatherings_.begin());
}

uint64_t TraceTable::PatienceFor(const Gathering& gathering) const {
  uint64_t patience = limits_.quiet_ns;
  for (const span::Span* orphan : Orphans(gathering.spans)) {
    const bool local = orphan->link != span::LinkRule::kHeader && orphan->link != span::LinkRule::kPeer;
    patience = std::max(patience, local ? limits_.local_parent_ns : limits_.remote_parent_ns);
  }
  return patience;
}

void TraceTable::OnWatermark(uint64_t unix_ns) {
  if (unix_ns < now_ns_) OnClockSetBack(unix_ns);
  now_ns_ = unix_ns;
  if (now_ns_ < next_look_ns_) return;
  next_look_ns_ = now_ns_ + kLookEveryNs;
  for (auto gathering = gatherings_.begin(); gathering != gatherings_.end();) {
    const uint64_t quiet = now_ns_ - gathering->last_arrival_ns;
    if (quiet < limits_.quiet_ns) break;
    if (gathering->patience_ns == 0) gathering->patience_ns = PatienceFor(*gathering);
    gathering = quiet >= gathering->patience_ns ? ShowAndErase(gathering) : std::next(gathering);
  }
}

void TraceTable::OnClockSetBack(uint64_t unix_ns) {
  next_look_ns_ = 0;
  for (Gathering& gathering : gatherings_) gathering.last_arrival_ns = std::min(gathering.last_arrival_ns, unix_ns);
}

void TraceTable::Flush() {
  while (!gatherings_.empty()) ShowAndErase(gatherings_.begin());
}

TraceTable::Gatherings::iterator TraceTable::ShowAndErase(Gatherings::iterator gathering) {
  GatheredTrace trace;
  trace.spans = std::move(gathering->spans);
  trace.partial = !Orphans(trace.spans).empty();
  spans_ -= trace.spans.size();
  by_id_.erase(gathering->id);
  const auto next = gatherings_.erase(gathering);
  show_(std::move(trace));
  return next;
}

}  // namespace tracelet::exporter
