#include "agent/cli/summary.h"

#include <gtest/gtest.h>

#include "tests/unit/exporter/spans.h"

namespace tracelet::cli {
namespace {

class NoSink : public span::SpanSink {
 public:
  void OnSpan(std::shared_ptr<const span::Span>) override { ++spans; }
  void OnWatermark(uint64_t unix_ns) override { watermark = unix_ns; }
  int spans = 0;
  uint64_t watermark = 0;
};

TEST(Summary, CountsAndLedgers) {
  NoSink sink;
  SpanTally tally(sink);
  tally.OnSpan(exporter::Client(1, 0, "curl", 0, 1));
  tally.OnSpan(exporter::Server(2, 1, "shop", 0, 1));
  auto call = exporter::Client(3, 2, "shop", 0, 1);
  call->status = span::StatusCode::kError;
  tally.OnSpan(std::move(call));
  auto refused = exporter::Client(4, 0, "shop", 0, 1);
  refused->refused = span::LinkRefusal::kEventLoop;
  tally.OnSpan(std::move(refused));
  tally.OnWatermark(7);
  EXPECT_EQ(sink.spans, 4);
  EXPECT_EQ(sink.watermark, 7U);

  Ledgers ledgers;
  ledgers.kernel = {.attempted = 110, .ring_full = 10, .consumed = 100};
  ledgers.kernel.compat_tasks = 4;
  ledgers.kernel.without_connection = 2;
  ledgers.events_used = 95;
  ledgers.events_ignored = {{"peek", 3}};
  ledgers.spans = {.assembled = 7, .exported = 4, .held = 1, .dropped = {}};
  ledgers.spans.dropped.Add(span::SpanDrop::kTableFull, 2);
  ledgers.open = "1: shop served GET /events 12.3 s";
  ledgers.output_dropped = 1;
  EXPECT_EQ(RenderSummary(tally, ledgers, std::chrono::milliseconds(1500)),
            "tracelet: 1.5 s, 1 requests served and 3 made, 1 failed, 2 traces\n"
            "  links    sequence 1, thread 1\n"
            "  refused  event_loop 1\n"
            "  kernel   110 attempted = 100 consumed + 10 ring_full\n"
            "  events   100 consumed = 95 used + 5 ignored (without_connection 2, peek 3)\n"
            "  spans    7 assembled = 3 exported + 3 dropped (table_full 2, output 1) + 1 held\n"
            "  open     1: shop served GET /events 12.3 s\n"
            "  not seen compat_tasks 4\n");
}

TEST(RenderExports, OneLedgerPerExporter) {
  exporter::ExportLedger ledger;
  ledger.accepted = 9;
  ledger.exported = 6;
  ledger.dropped.Add(exporter::ExportDrop::kShutdown, 3);
  EXPECT_EQ(RenderExports({{"otlp", ledger}}),
            "  otlp     9 accepted = 6 exported + 3 dropped (shutdown 3) + 0 held\n");
  EXPECT_EQ(RenderExports({}), "");
}

}  // namespace
}  // namespace tracelet::cli
