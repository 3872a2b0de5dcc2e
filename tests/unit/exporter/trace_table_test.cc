#include "exporter/console/trace_table.h"

#include <gtest/gtest.h>

#include "tests/unit/exporter/spans.h"

namespace tracelet::exporter {
namespace {

class TraceTableTest : public testing::Test {
 protected:
  void At(uint64_t ms) { table_.OnWatermark(kNoonNs + ms * kMs); }
  void AddToTrace(uint64_t trace, std::shared_ptr<span::Span> span) {
    span->trace_id = {1, trace};
    table_.Add(std::move(span));
  }

  std::vector<GatheredTrace> shown_;
  TraceTableLimits limits_{.max_traces = 3, .max_spans = 8, .max_spans_per_trace = 5};
  TraceTable table_{limits_, [this](GatheredTrace&& trace) { shown_.push_back(std::move(trace)); }};
};

TEST_F(TraceTableTest, AWholeTraceIsShownOnceItIsQuiet) {
  At(0);
  AddToTrace(1, Server(2, 1, "orders", 0, 1));
  At(50);
  AddToTrace(1, Client(1, 0, "shop", 0, 1));
  At(149);
  EXPECT_TRUE(shown_.empty());
  At(170);
  ASSERT_EQ(shown_.size(), 1U);
  EXPECT_EQ(shown_[0].spans.size(), 2U);
  EXPECT_FALSE(shown_[0].partial);
}

TEST_F(TraceTableTest, AParentOnThisHostIsWaitedForLongerThanARemoteOne) {
  At(0);
  AddToTrace(1, Server(2, 1, "local", 0, 1));
  auto remote = Server(4, 3, "remote", 0, 1);
  remote->link = span::LinkRule::kHeader;
  AddToTrace(2, std::move(remote));
  At(499);
  EXPECT_TRUE(shown_.empty());
  At(520);
  ASSERT_EQ(shown_.size(), 1U);
  EXPECT_EQ(shown_[0].spans[0]->span_id.value, 4U);
  EXPECT_TRUE(shown_[0].partial);
  At(9'990);
  EXPECT_EQ(shown_.size(), 1U);
  At(10'020);
  EXPECT_EQ(shown_.size(), 2U);
}

TEST_F(TraceTableTest, BoundsShowTheOldestEarlyAndLoseNothing) {
  At(0);
  for (uint64_t trace = 1; trace <= 5; ++trace) AddToTrace(trace, Server(trace, 99, "shop", 0, 1));
  ASSERT_EQ(shown_.size(), 2U);
  EXPECT_EQ(shown_[0].spans[0]->span_id.value, 1U);
  for (uint64_t id = 10; id < 15; ++id) AddToTrace(5, Server(id, 99, "shop", 0, 1));
  ASSERT_EQ(shown_.size(), 3U);
  EXPECT_EQ(shown_[2].spans.size(), 5U);
  table_.Flush();
  size_t spans = 0;
  for (const auto& trace : shown_) spans += trace.spans.size();
  EXPECT_EQ(spans, 10U);
}

TEST_F(TraceTableTest, AClockThatIsSetBackHoldsNothingUp) {
  At(3'600'000);
  AddToTrace(1, Server(1, 0, "shop", 0, 1));
  At(0);
  At(120);
  EXPECT_EQ(shown_.size(), 1U);
}

}  // namespace
}  // namespace tracelet::exporter
