#include "agent/span/rules/header.h"

#include "tests/unit/span/stitch_bench.h"

namespace tracelet::span {
namespace {

class HeaderRuleTest : public StitchBench {
 protected:
  explicit HeaderRuleTest(config::Span config = {}) : StitchBench(std::move(config)) {}
  static TraceContext Context(uint64_t trace, uint64_t parent, std::string state = "") {
    return {.trace_id = {1, trace}, .parent_id = {parent}, .sampled = true, .trace_state = std::move(state)};
  }
  uint64_t BeginWith(Kind kind, const TestThread& thread, TraceContext context) {
    RequestStart start = Start(kind, thread);
    start.context = std::move(context);
    return Begin(std::move(start));
  }
  void ExpectRemote(uint64_t handle, const TraceContext& context) {
    EXPECT_EQ(Of(handle).trace_id, context.trace_id);
    EXPECT_EQ(Of(handle).parent_span_id, context.parent_id);
    EXPECT_EQ(Of(handle).link, LinkRule::kHeader);
    EXPECT_EQ(Of(handle).refused, LinkRefusal::kNone);
    EXPECT_EQ(Of(handle).trace_state, context.trace_state);
  }
  const TestThread loop_{.tid = 50, .waits = 3};
  const TestThread thread_;
};

TEST_F(HeaderRuleTest, AServersRequestIsTheChildOfItsHeadersSpan) {
  const uint64_t server = BeginWith(Kind::kServer, loop_, Context(5, 6, "rojo=1"));
  Settle({server});
  ExpectRemote(server, Context(5, 6, "rojo=1"));
}

TEST_F(HeaderRuleTest, ACallIsTheChildOfTheSpanItsSdkNamed) {
  const uint64_t server = BeginWith(Kind::kServer, thread_, Context(5, 6));
  const uint64_t call = BeginWith(Kind::kClient, thread_, Context(5, 7));
  Settle({server, call});
  ExpectRemote(call, Context(5, 7));
}

TEST_F(HeaderRuleTest, AProxyThatForwardsTheHeaderUnchangedIsTheParent) {
  const uint64_t server = BeginWith(Kind::kServer, loop_, Context(5, 6));
  const uint64_t other = BeginWith(Kind::kServer, loop_, Context(5, 8));
  const uint64_t call = BeginWith(Kind::kClient, loop_, Context(5, 6));
  Settle({server, other, call});
  ExpectParent(call, server, LinkRule::kHeader);
}

TEST_F(HeaderRuleTest, OfSeveralRequestsWithOneHeaderNoneIsPicked) {
  const uint64_t first = BeginWith(Kind::kServer, loop_, Context(5, 6));
  const uint64_t second = BeginWith(Kind::kServer, loop_, Context(5, 6));
  const uint64_t call = BeginWith(Kind::kClient, loop_, Context(5, 6));
  End(first);
  const uint64_t alone = BeginWith(Kind::kClient, loop_, Context(5, 6));
  Settle({second, call, alone});
  ExpectRemote(call, Context(5, 6));
  ExpectParent(alone, second, LinkRule::kHeader);
}

TEST_F(HeaderRuleTest, TheSameHeaderInAnotherProcessSaysNothing) {
  TestThread elsewhere = loop_;
  elsewhere.process.tgid = 11;
  const uint64_t server = BeginWith(Kind::kServer, elsewhere, Context(5, 6));
  const uint64_t call = BeginWith(Kind::kClient, loop_, Context(5, 6));
  Settle({server, call});
  ExpectRemote(call, Context(5, 6));
}

TEST_F(HeaderRuleTest, HeaderAndThreadThatNameDifferentRequestsAreAConflict) {
  const uint64_t by_header = BeginWith(Kind::kServer, {.tid = 1}, Context(5, 6));
  const uint64_t by_thread = BeginWith(Kind::kServer, thread_, Context(5, 8));
  const uint64_t call = BeginWith(Kind::kClient, thread_, Context(5, 6));
  const uint64_t agreed = BeginWith(Kind::kClient, thread_, Context(5, 8));
  Settle({by_header, by_thread, call, agreed});
  ExpectRefused(call, LinkRefusal::kConflict);
  EXPECT_EQ(Of(call).links.size(), 2U);
  EXPECT_EQ(Of(call).trace_id, Context(5, 6).trace_id);
  ExpectParent(agreed, by_thread, LinkRule::kHeader);
}

class FullHeaderRuleTest : public HeaderRuleTest {
 protected:
  FullHeaderRuleTest() : HeaderRuleTest(Limits(2, 100)) {}
};

TEST_F(FullHeaderRuleTest, TheOnlyOneProvesNothingWhileOthersAreUnknown) {
  const uint64_t server = BeginWith(Kind::kServer, loop_, Context(5, 6));
  const uint64_t other = Serve(loop_);
  const uint64_t unknown = BeginWith(Kind::kServer, loop_, Context(5, 6));
  End(other);
  const uint64_t call = BeginWith(Kind::kClient, loop_, Context(5, 6));
  Settle({server, unknown, call});
  ExpectRemote(call, Context(5, 6));
}

// curl sends a header, nginx forwards it, the service behind gets it: one chain, one trace.
TEST_F(HeaderRuleTest, ChainsThroughProxiesAndSequence) {
  const auto pair = [&](const TestThread& from, const TestThread& to) {
    RequestStart call = Start(Kind::kClient, from);
    call.context = Context(5, 6);
    RequestStart served = Start(Kind::kServer, to);
    served.context = Context(5, 6);
    served.name = call.name;
    const uint64_t client = Begin(call);
    return std::pair(client, Begin(served));
  };
  const TestThread curl{.tid = 1, .process = {.tgid = 1, .start_ns = 1}};
  const TestThread service{.tid = 9, .process = {.tgid = 9, .start_ns = 9}};
  const auto [curls, proxys] = pair(curl, loop_);
  const auto [forwarded, served] = pair(loop_, service);
  Settle({curls, proxys, forwarded, served});
  ExpectRemote(curls, Context(5, 6));
  ExpectParent(proxys, curls, LinkRule::kSequence);
  ExpectParent(forwarded, proxys, LinkRule::kHeader);
  ExpectParent(served, forwarded, LinkRule::kSequence);
}

}  // namespace
}  // namespace tracelet::span
