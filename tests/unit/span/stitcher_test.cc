#include "agent/span/stitcher.h"

#include <gmock/gmock.h>

#include "tests/unit/span/stitch_bench.h"

namespace tracelet::span {
namespace {

class StitcherTest : public StitchBench {
 protected:
  StitcherTest() : StitchBench(Limits(3, 4)) {}
  void ExpectBalance() {
    const SpanLedger& ledger = stitcher_.ledger();
    EXPECT_EQ(ledger.assembled, ledger.exported + ledger.dropped.Total() + ledger.held);
    EXPECT_EQ(ledger.exported, spans_.size());
  }
  const TestThread thread_;
};

TEST_F(StitcherTest, HoldsASpanUntilItIsFinal) {
  End(Call(thread_));
  Pass(500'000'000);
  Pass(400'000'000);
  EXPECT_EQ(stitcher_.ledger().held, 1U);
  ExpectBalance();
  Pass(600'000'000);
  EXPECT_EQ(spans_.size(), 1U);
  EXPECT_EQ(passed_on_ns_, kUnixOffset + now_ns_ - 1'000'000'000);
  ExpectBalance();
}

TEST_F(StitcherTest, PassesSpansOnInOrderOfTheirEnd) {
  const uint64_t a = Serve(thread_);
  const uint64_t b = Serve(thread_);
  const uint64_t c = Serve(thread_);
  Settle({c, a, b});
  EXPECT_THAT(order_, testing::ElementsAre(c, a, b));
}

TEST_F(StitcherTest, CountsEverySpanThatItsTablesCannotTake) {
  std::vector<uint64_t> handles;
  for (int i = 0; i < 5; ++i) handles.push_back(Serve({.tid = 1U + i}));
  EXPECT_EQ(stitcher_.open(), 3U);
  for (uint64_t handle : handles) {
    End(handle);
    ExpectBalance();
  }
  EXPECT_EQ(stitcher_.ledger().dropped[SpanDrop::kTableFull], 2U);
  EXPECT_EQ(stitcher_.ledger().held, 3U);
}

TEST_F(StitcherTest, PassesTheOldestSpanOnEarlyWhenItCanHoldNoMore) {
  std::vector<uint64_t> handles;
  for (int i = 0; i < 6; ++i) {
    handles.push_back(Serve(thread_));
    End(handles.back());
    ExpectBalance();
  }
  EXPECT_EQ(stitcher_.ledger().held, 4U);
  EXPECT_EQ(stitcher_.ledger().early, 2U);
  EXPECT_THAT(order_, testing::ElementsAre(handles[0], handles[1]));
  Settle({});
  EXPECT_EQ(stitcher_.ledger().exported, 6U);
  EXPECT_EQ(stitcher_.ledger().early, 2U);
  EXPECT_EQ(stitcher_.ledger().dropped.Total(), 0U);
  ExpectBalance();
}

// Its trace id is out: what is learned of its trace later must not change it.
TEST_F(StitcherTest, ASpanPassedOnEarlyKeepsTheTraceItWasToldIn) {
  RequestStart call = Start(Kind::kClient, thread_);
  const auto name = call.name;
  const uint64_t caller = Begin(std::move(call));
  RequestStart served = Start(Kind::kServer, {.tid = 7});
  served.name = name;
  const uint64_t callee = Begin(std::move(served));
  End(callee);
  for (int i = 0; i < 4; ++i) End(Serve({.tid = 8U + i}));
  ASSERT_EQ(spans_.size(), 1U);
  Settle({caller});
  EXPECT_EQ(Of(callee).trace_id, Of(caller).trace_id);
  EXPECT_EQ(Of(callee).parent_span_id, Of(caller).span_id);
}

// Which request is not known to be open: "the only one" would be a guess.
TEST_F(StitcherTest, RefusesWhileARequestIsOpenThatTheTableCouldNotTake) {
  const uint64_t a = Serve({.tid = 1});
  const uint64_t b = Serve({.tid = 2});
  const uint64_t c = Serve(thread_);
  const uint64_t unknown = Serve(thread_);
  End(a);
  End(b);
  const uint64_t call = Call(thread_);
  End(unknown);
  const uint64_t later = Call(thread_);
  End(call);
  End(c);
  Settle({later});
  EXPECT_EQ(stitcher_.ledger().dropped.Total(), 1U);  // `unknown`
  ExpectRefused(call, LinkRefusal::kLostEvent);
  ExpectBalance();
}

TEST_F(StitcherTest, FlushPassesOnWhatIsHeldAndCountsWhatIsOpen) {
  const uint64_t server = Serve(thread_);
  const uint64_t call = Call(thread_);
  End(call);
  stitcher_.Flush();
  EXPECT_EQ(spans_.size(), 1U);
  EXPECT_EQ(Of(call).parent_span_id, IdsOf(*starts_[server].name, kKey).server);
  EXPECT_EQ(stitcher_.open(), 1U);
  ExpectBalance();
}

TEST_F(StitcherTest, CountsLinksAndRefusalsOfWhatItPassedOn) {
  const uint64_t server = Serve(thread_);
  const uint64_t call = Call(thread_);
  const uint64_t pool = Call({.tid = 5});
  EXPECT_EQ(stitcher_.links().Total(), 0U);
  Settle({call, pool, server});
  EXPECT_EQ(stitcher_.links()[LinkRule::kThread], 1U);
  EXPECT_EQ(stitcher_.links()[LinkRule::kNone], 2U);
  EXPECT_EQ(stitcher_.refused()[LinkRefusal::kNoEvidence], 1U);
  EXPECT_EQ(stitcher_.refused().Total(), 1U);
}

TEST_F(StitcherTest, ADroppedRequestIsNoSpanAndNoCandidate) {
  const uint64_t dropped = Serve(thread_);
  stitcher_.OnRequestDropped(dropped);
  const uint64_t call = Call(thread_);
  Settle({call});
  ExpectRoot(call);
  EXPECT_EQ(stitcher_.ledger().assembled, 1U);
  ExpectBalance();
}

TEST(TraceNode, RefusesToBeItsOwnAncestorAndEndlessChains) {
  auto a = std::make_shared<TraceNode>(SpanId{1}, TraceId{0, 1}, false);
  auto b = std::make_shared<TraceNode>(SpanId{2}, TraceId{0, 2}, false);
  ASSERT_TRUE(b->Attach(a));
  EXPECT_FALSE(a->Attach(b));
  EXPECT_FALSE(a->Attach(a));
  EXPECT_EQ(b->Tell(), (TraceId{0, 1}));
  size_t attached = 0;
  auto last = b;
  for (uint64_t i = 3; i < 3'000; ++i) {
    auto next = std::make_shared<TraceNode>(SpanId{i}, TraceId{0, i}, false);
    attached += next->Attach(last) ? 1 : 0;
    last = next;
  }
  EXPECT_GT(attached, 2'000U);
  EXPECT_LT(attached, 2'997U);
}

TEST(MessageNameIds, AreKeyedDifferAndNeverZero) {
  const MessageName name{.client_base = 1, .server_base = 2, .offset = 3, .stream_id = 0, .unix_socket = false};
  EXPECT_NE(IdsOf(name, kKey).client, IdsOf(name, kKey).server);
  EXPECT_NE(IdsOf(name, kKey).client, IdsOf(name, {}).client);
  for (const MessageName& other : {MessageName{.client_base = 2, .server_base = 1, .offset = 3},
                                   MessageName{.client_base = 1, .server_base = 2, .offset = 4},
                                   MessageName{.client_base = 1, .server_base = 2, .offset = 3, .stream_id = 1},
                                   MessageName{.client_base = 1, .server_base = 2, .offset = 3, .unix_socket = true}}) {
    EXPECT_NE(IdsOf(name, kKey).client, IdsOf(other, kKey).client);
    EXPECT_NE(IdsOf(name, kKey).trace, IdsOf(other, kKey).trace);
  }
  // Agents of one installation must agree whatever their version; from another implementation of SipHash-2-4-128.
  EXPECT_EQ(IdsOf(name, kKey).client.Hex(), "c3785a3f8d6731db");
  EXPECT_EQ(IdsOf(name, kKey).server.Hex(), "b1a03df4b14c4617");
  EXPECT_EQ(IdsOf(name, kKey).trace.Hex(), "3a8c4c1a1f59bbf988ec0e256e0d75e2");
}

}  // namespace
}  // namespace tracelet::span
