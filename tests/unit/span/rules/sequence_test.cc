#include "agent/span/rules/sequence.h"

#include "tests/unit/span/stitch_bench.h"

namespace tracelet::span {
namespace {

class SequenceRuleTest : public StitchBench {
 protected:
  uint64_t BeginNamed(Kind kind, const TestThread& thread, MessageName name, uint64_t time_ns = 0) {
    RequestStart start = Start(kind, thread);
    start.name = name;
    if (time_ns != 0) start.first.time_ns = time_ns;
    return Begin(std::move(start));
  }
  const MessageName name_ = {.client_base = 1'000'000, .server_base = 2, .offset = 3};
  const TestThread caller_{.tid = 1, .process = {.tgid = 1, .start_ns = 1}};
  const TestThread callee_{.tid = 2, .process = {.tgid = 2, .start_ns = 2}};
};

TEST_F(SequenceRuleTest, OneNameIsOneMessage) {
  const uint64_t call = BeginNamed(Kind::kClient, caller_, name_);
  const uint64_t served = BeginNamed(Kind::kServer, callee_, name_);
  const uint64_t other = Serve(callee_);
  Settle({served, call, other});
  ExpectParent(served, call, LinkRule::kSequence);
  ExpectRoot(call);
  ExpectRoot(other);
  EXPECT_EQ(Of(call).span_id, IdsOf(name_, kKey).client);
  EXPECT_EQ(Of(served).span_id, IdsOf(name_, kKey).server);
  EXPECT_EQ(Of(call).trace_id, IdsOf(name_, kKey).trace);
}

TEST_F(SequenceRuleTest, AWriteThatReturnsLateStartsWhenItWasReceived) {
  const uint64_t served = BeginNamed(Kind::kServer, callee_, name_);
  const uint64_t grandchild = Call(callee_);
  End(grandchild);
  End(served);
  const uint64_t call = BeginNamed(Kind::kClient, caller_, name_);
  Settle({call});
  ExpectParent(served, call, LinkRule::kSequence);
  ExpectParent(grandchild, served, LinkRule::kThread);
  EXPECT_EQ(Of(grandchild).trace_id, Of(call).trace_id);
  EXPECT_EQ(Of(call).start_unix_ns, Of(served).start_unix_ns);
}

TEST_F(SequenceRuleTest, AnEarlierStartStays) {
  const uint64_t call = BeginNamed(Kind::kClient, caller_, name_);
  const uint64_t served = BeginNamed(Kind::kServer, callee_, name_);
  const uint64_t start = kUnixOffset + starts_[call].first.time_ns;
  Settle({served, call});
  EXPECT_EQ(Of(call).start_unix_ns, start);
}

// The whole subtree moves to the trace of a caller that has a caller itself.
TEST_F(SequenceRuleTest, ASubtreeFollowsALateCallerIntoItsTrace) {
  const uint64_t root = Serve(caller_);
  const uint64_t served = BeginNamed(Kind::kServer, callee_, name_);
  const uint64_t inner = Call(callee_);
  const uint64_t call = BeginNamed(Kind::kClient, caller_, name_);
  Settle({inner, served, call, root});
  ExpectParent(call, root, LinkRule::kThread);
  ExpectParent(served, call, LinkRule::kSequence);
  ExpectParent(inner, served, LinkRule::kThread);
  EXPECT_EQ(Of(inner).trace_id, Of(root).trace_id);
}

// `inner` was passed on long before its ancestor's caller was known; its trace keeps its id.
TEST_F(SequenceRuleTest, ATraceIdOnceToldIsTakenOverByTheCaller) {
  const uint64_t root = Serve(caller_);
  const uint64_t served = BeginNamed(Kind::kServer, callee_, name_);
  const uint64_t inner = Call(callee_);
  Settle({inner});
  const uint64_t call = BeginNamed(Kind::kClient, caller_, name_);
  Settle({served, call, root});
  ExpectParent(served, call, LinkRule::kSequence);
  ExpectParent(call, root, LinkRule::kThread);
  EXPECT_EQ(Of(inner).trace_id, Of(root).trace_id);
}

TEST_F(SequenceRuleTest, TwoTracesThatBothWereToldStayTwo) {
  RequestStart start = Start(Kind::kServer, caller_);
  start.context = TraceContext{.trace_id = {8, 8}, .parent_id = {8}, .sampled = true, .trace_state = ""};
  const uint64_t root = Begin(start);
  const uint64_t served = BeginNamed(Kind::kServer, callee_, name_);
  const uint64_t inner = Call(callee_);
  Settle({inner});
  const uint64_t call = BeginNamed(Kind::kClient, caller_, name_);
  Settle({served, call, root});
  ExpectRefused(served, LinkRefusal::kConflict);
  EXPECT_EQ(Of(served).trace_id, Of(inner).trace_id);
  EXPECT_EQ(Of(call).trace_id, Of(root).trace_id);
}

TEST_F(SequenceRuleTest, ANameThatTwoOfAKindHaveIsNone) {
  const uint64_t call = BeginNamed(Kind::kClient, caller_, name_);
  const uint64_t served = BeginNamed(Kind::kServer, callee_, name_);
  const uint64_t twin = BeginNamed(Kind::kServer, callee_, name_);
  const uint64_t twin_call = BeginNamed(Kind::kClient, caller_, name_);
  Settle({call, served, twin, twin_call});
  ExpectRefused(served, LinkRefusal::kConflict);
  ExpectRefused(twin, LinkRefusal::kConflict);
  EXPECT_NE(Of(served).span_id, Of(twin).span_id);
  EXPECT_NE(Of(call).span_id, Of(twin_call).span_id);
  EXPECT_NE(Of(served).trace_id, Of(twin).trace_id);
}

TEST_F(SequenceRuleTest, AnIdOfAConflictIsNotGivenTwice) {
  const uint64_t served = BeginNamed(Kind::kServer, callee_, name_);
  const uint64_t twin = BeginNamed(Kind::kServer, callee_, name_);
  Settle({served});
  const uint64_t third = BeginNamed(Kind::kServer, callee_, name_);
  Settle({twin, third});
  EXPECT_NE(Of(third).span_id, Of(served).span_id);
  EXPECT_NE(Of(third).span_id, Of(twin).span_id);
  ExpectRefused(third, LinkRefusal::kConflict);
}

TEST_F(SequenceRuleTest, ALinkTakenBackLeavesATraceIdThatWasTold) {
  const uint64_t root = Serve(caller_);
  const uint64_t call = BeginNamed(Kind::kClient, caller_, name_);
  const uint64_t served = BeginNamed(Kind::kServer, callee_, name_);
  const uint64_t inner = Call(callee_);
  Settle({inner});
  const uint64_t twin = BeginNamed(Kind::kServer, callee_, name_);
  Settle({served, twin, call, root});
  ExpectRefused(served, LinkRefusal::kConflict);
  EXPECT_EQ(Of(inner).parent_span_id, Of(served).span_id);
  EXPECT_EQ(Of(inner).trace_id, Of(served).trace_id);
}

TEST_F(SequenceRuleTest, AfterAConflictHasPassedTheNameIsFree) {
  Settle({BeginNamed(Kind::kServer, callee_, name_), BeginNamed(Kind::kServer, callee_, name_)});
  const uint64_t call = BeginNamed(Kind::kClient, caller_, name_);
  const uint64_t served = BeginNamed(Kind::kServer, callee_, name_);
  Settle({call, served});
  ExpectParent(served, call, LinkRule::kSequence);
}

TEST_F(SequenceRuleTest, TheTwoEndsOfAMessageHaveOneHeader) {
  RequestStart call = Start(Kind::kClient, caller_);
  call.context = TraceContext{.trace_id = {8, 8}, .parent_id = {8}, .sampled = true, .trace_state = ""};
  RequestStart served = Start(Kind::kServer, callee_);
  served.name = call.name;
  served.context = TraceContext{.trace_id = {8, 8}, .parent_id = {9}, .sampled = true, .trace_state = ""};
  const uint64_t client = Begin(call);
  const uint64_t server = Begin(served);
  Settle({client, server});
  EXPECT_EQ(Of(server).link, LinkRule::kHeader);
  EXPECT_EQ(Of(server).parent_span_id, SpanId{9});
}

TEST_F(SequenceRuleTest, WithoutANameTheReasonIsTheSpans) {
  RequestStart start = Start(Kind::kServer, callee_);
  start.name.reset();
  start.unnamed = LinkRefusal::kAdopted;
  start.fallback_id = 5;
  const uint64_t adopted = Begin(start);
  const uint64_t same_fallback = Begin(start);
  Settle({adopted, same_fallback});
  ExpectRefused(adopted, LinkRefusal::kAdopted);
  EXPECT_TRUE(Of(adopted).span_id);
  EXPECT_TRUE(Of(adopted).trace_id);
  EXPECT_NE(Of(adopted).span_id, Of(same_fallback).span_id);
}

TEST(SequenceRule, ForgetsWhatIsRemoved) {
  SequenceRule rule;
  const auto named = [] {
    RequestStart start;
    start.name = MessageName{.client_base = 1};
    return std::make_shared<Request>(std::move(start), RequestIds(TraceId{1, 2}));
  };
  const auto one = named();
  const auto two = named();
  EXPECT_FALSE(rule.Add(one)->conflict);
  EXPECT_TRUE(rule.Add(two)->conflict);
  rule.Remove(*one);
  EXPECT_EQ(rule.size(), 1U);
  rule.Remove(*two);
  EXPECT_EQ(rule.size(), 0U);
}

}  // namespace
}  // namespace tracelet::span
