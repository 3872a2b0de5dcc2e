#include "agent/cli/summary.h"

#include <spdlog/fmt/fmt.h>

namespace tracelet::cli {
namespace {

// "a 1, b 2", or "none".
std::string List(const NamedCounts& counts) {
  std::string text;
  for (const auto& [name, count] : counts) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, count);
  return text.empty() ? "none" : text;
}

uint64_t Sum(const NamedCounts& counts) {
  uint64_t sum = 0;
  for (const auto& [name, count] : counts) sum += count;
  return sum;
}

template <typename E>
NamedCounts WithoutNone(const Counters<E>& counters) {
  NamedCounts counts = NonZero(counters);
  std::erase_if(counts, [](const auto& count) { return count.first == Name(E::kNone); });
  return counts;
}

// By the source and by what came after it.
NamedCounts Ignored(const Ledgers& ledgers) {
  NamedCounts counts = {{"not_selected", ledgers.kernel.not_selected},
                        {"without_connection", ledgers.kernel.without_connection},
                        {"malformed", ledgers.kernel.malformed}};
  std::erase_if(counts, [](const auto& count) { return count.second == 0; });
  counts.insert(counts.end(), ledgers.events_ignored.begin(), ledgers.events_ignored.end());
  return counts;
}

NamedCounts NotTried(const source::KernelLedger& kernel) {
  NamedCounts counts = {{"connections_full", kernel.connections_full}, {"threads_full", kernel.threads_full},
                        {"compat_tasks", kernel.compat_tasks},         {"unreadable", kernel.unreadable},
                        {"frames_lost", kernel.frames_lost},           {"records_lost", kernel.records_lost}};
  std::erase_if(counts, [](const auto& count) { return count.second == 0; });
  return counts;
}

}  // namespace

void SpanTally::OnSpan(std::shared_ptr<const span::Span> span) {
  (span->kind == span::Kind::kServer ? served_ : made_) += 1;
  errors_ += span->status == span::StatusCode::kError;
  roots_ += !span->parent_span_id;
  links_.Add(span->link);
  refusals_.Add(span->refused);
  next_.OnSpan(std::move(span));
}

std::string RenderSummary(const SpanTally& tally, const Ledgers& ledgers, std::chrono::milliseconds took) {
  const source::KernelLedger& kernel = ledgers.kernel;
  const span::SpanLedger& spans = ledgers.spans;
  const NamedCounts ignored = Ignored(ledgers);
  NamedCounts dropped = NonZero(spans.dropped);
  if (ledgers.output_dropped > 0) dropped.emplace_back("output", ledgers.output_dropped);
  const double seconds = static_cast<double>(took.count()) / 1e3;
  std::string text = fmt::format("tracelet: {:.1f} s, {} requests served and {} made, {} failed, {} traces\n", seconds,
                                 tally.served(), tally.made(), tally.errors(), tally.roots());
  text += fmt::format("  links    {}\n", List(WithoutNone(tally.links())));
  text += fmt::format("  refused  {}\n", List(WithoutNone(tally.refusals())));
  text += fmt::format("  kernel   {} attempted = {} consumed + {} ring_full\n", kernel.attempted, kernel.consumed,
                      kernel.ring_full);
  text += fmt::format("  events   {} consumed = {} used + {} ignored ({})\n", kernel.consumed, ledgers.events_used,
                      Sum(ignored), List(ignored));
  text += fmt::format("  spans    {} assembled = {} exported + {} dropped ({}) + {} held\n", spans.assembled,
                      spans.exported - ledgers.output_dropped, Sum(dropped), List(dropped), spans.held);
  if (!ledgers.open.empty()) text += fmt::format("  open     {}\n", ledgers.open);
  if (const NamedCounts not_tried = NotTried(kernel); !not_tried.empty()) {
    text += fmt::format("  not seen {}\n", List(not_tried));
  }
  return text;
}

std::string RenderExports(const std::vector<std::pair<std::string, exporter::ExportLedger>>& exports) {
  std::string text;
  for (const auto& [name, ledger] : exports) {
    const NamedCounts dropped = NonZero(ledger.dropped);
    text += fmt::format("  {:8} {} accepted = {} exported + {} dropped ({}) + {} held\n", name, ledger.accepted,
                        ledger.exported, Sum(dropped), List(dropped), ledger.held);
  }
  return text;
}

}  // namespace tracelet::cli
