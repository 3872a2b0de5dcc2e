#include "agent/span/rules/loop.h"

#include "tests/unit/span/stitch_bench.h"

namespace tracelet::span {
namespace {

using Kind_ = conn::LoopCause::Kind;

// Requests and calls of one event loop. What a callback has read is said by the cause.
class LoopRuleTest : public StitchBench {
 protected:
  explicit LoopRuleTest(config::Span config = {}) : StitchBench(config) {}

  RequestStart Loop(Kind kind, const conn::LoopCause& cause = {}) {
    RequestStart start = Start(kind, thread_);
    start.exchange = 1;
    if (cause.kind != conn::LoopCause::Kind::kNone) start.cause = cause;
    start.first.evidence_type = EVIDENCE_LOOP;
    return start;
  }
  uint64_t ServeOne() { return Begin(Loop(Kind::kServer)); }
  // The callback that has read the (only) exchange of this request's connection.
  conn::LoopCause Read(uint64_t handle) {
    return {.kind = Kind_::kRead, .connection = starts_[handle].connection, .exchange = starts_[handle].exchange};
  }
  uint64_t CallAfter(uint64_t read) { return Begin(Loop(Kind::kClient, Read(read))); }
  uint64_t CallBecause(Kind_ kind) { return Begin(Loop(Kind::kClient, {.kind = kind})); }

  TestThread thread_{.tid = 101, .waits = 5};
};

TEST_F(LoopRuleTest, ACallbackMakesItsCallsForTheRequestThatItRead) {
  const uint64_t one = ServeOne();
  const uint64_t other = ServeOne();
  const uint64_t for_one = CallAfter(one);
  const uint64_t for_other = CallAfter(other);
  Settle({for_one, for_other, one, other});
  ExpectParent(for_one, one, LinkRule::kLoop);
  ExpectParent(for_other, other, LinkRule::kLoop);
}

TEST_F(LoopRuleTest, WhatTheProbesSawIsTheReasonToRefuse) {
  const std::pair<Kind_, LinkRefusal> cases[] = {
      {Kind_::kWaited, LinkRefusal::kEventLoop},      {Kind_::kTimer, LinkRefusal::kTimer},
      {Kind_::kDeferred, LinkRefusal::kDeferredWork}, {Kind_::kPool, LinkRefusal::kPool},
      {Kind_::kOther, LinkRefusal::kNoEvidence},      {Kind_::kPipelined, LinkRefusal::kAmbiguous},
      {Kind_::kLost, LinkRefusal::kLostEvent},
  };
  const uint64_t server = ServeOne();
  for (const auto& [kind, reason] : cases) {
    const uint64_t call = CallBecause(kind);
    Settle({call});
    ExpectRefused(call, reason);
  }
  Settle({server});
}

TEST_F(LoopRuleTest, ARequestThatIsOverCausesNothing) {
  const uint64_t over = ServeOne();
  const uint64_t may_be_over = ServeOne();
  const uint64_t open = ServeOne();
  End(over);
  stitcher_.OnResponseOpenEnded(may_be_over);
  const uint64_t call = CallAfter(over);
  const uint64_t another = CallAfter(may_be_over);
  Settle({call, another, may_be_over, open});
  ExpectRefused(call, LinkRefusal::kNoEvidence);
  ExpectRefused(another, LinkRefusal::kNoEvidence);
}

TEST_F(LoopRuleTest, AnEarlierRequestOfTheSameConnectionIsNotTheCause) {
  const uint64_t first = ServeOne();
  const conn::LoopCause read_first = Read(first);
  End(first);
  RequestStart start = Loop(Kind::kServer);
  start.connection = starts_[first].connection;
  start.exchange = 2;
  const uint64_t second = Begin(start);
  const uint64_t late = Begin(Loop(Kind::kClient, read_first));  // its connect() was made for the first
  const uint64_t call = CallAfter(second);
  Settle({late, call, second});
  ExpectRefused(late, LinkRefusal::kNoEvidence);
  ExpectParent(call, second, LinkRule::kLoop);
}

TEST_F(LoopRuleTest, AnAnswerIsReadForTheRequestThatAskedWhileItIsTheOnlyOne) {
  const uint64_t server = ServeOne();
  const uint64_t first = CallAfter(server);
  End(first);
  const uint64_t second = CallAfter(first);
  End(second);
  const uint64_t third = CallAfter(second);
  Settle({third, server});
  ExpectParent(second, server, LinkRule::kLoop);
  ExpectParent(third, server, LinkRule::kLoop);
}

// A pool of workers in the application: the answer to `one` starts what `other` has queued.
TEST_F(LoopRuleTest, AnAnswerMaySetFreeWhatAnotherRequestHasQueued) {
  const uint64_t one = ServeOne();
  const uint64_t call = CallAfter(one);
  const uint64_t other = ServeOne();
  End(call);
  const uint64_t queued = CallAfter(call);
  Settle({queued, one, other});
  ExpectRefused(queued, LinkRefusal::kAmbiguous);
}

// The same with a job of a request that is over: it waits for the call that was under way when `server` began.
TEST_F(LoopRuleTest, AnAnswerMaySetFreeWhatAnEarlierRequestLeftBehind) {
  const uint64_t earlier = ServeOne();
  const uint64_t slow = CallAfter(earlier);
  End(earlier);
  const uint64_t server = ServeOne();
  const uint64_t call = CallAfter(server);
  End(call);
  const uint64_t left = CallAfter(call);
  Settle({left, slow, server});
  ExpectParent(call, server, LinkRule::kLoop);
  ExpectRefused(left, LinkRefusal::kAmbiguous);
}

TEST_F(LoopRuleTest, AnAnswerMaySetFreeWhatARequestThatCameAndWentHasQueued) {
  const uint64_t server = ServeOne();
  const uint64_t call = CallAfter(server);
  End(ServeOne());
  End(call);
  const uint64_t queued = CallAfter(call);
  Settle({queued, server});
  ExpectRefused(queued, LinkRefusal::kAmbiguous);
}

TEST_F(LoopRuleTest, AnAnswerMaySetFreeWhatATimerHasQueued) {
  const uint64_t server = ServeOne();
  const uint64_t call = CallAfter(server);
  End(call);
  RequestStart after_timer = Loop(Kind::kClient, Read(call));
  after_timer.first.evidence_parent = 1;
  const uint64_t queued = Begin(std::move(after_timer));
  Settle({queued, server});
  ExpectRefused(queued, LinkRefusal::kAmbiguous);
}

// http.Agent({maxSockets}): the connection that was answered is given to the next in line.
TEST_F(LoopRuleTest, ACallOnTheConnectionThatWasJustAnsweredMayHaveWaitedForIt) {
  const uint64_t server = ServeOne();
  const uint64_t first = CallAfter(server);
  End(first);
  RequestStart again = Loop(Kind::kClient, Read(first));
  again.connection = starts_[first].connection;
  again.exchange = 2;
  const uint64_t second = Begin(again);
  Settle({second, server});
  ExpectRefused(second, LinkRefusal::kQueue);
}

TEST_F(LoopRuleTest, AnAnswerToACallWithoutAParentCausesNothing) {
  const uint64_t server = ServeOne();
  const uint64_t timed = CallBecause(Kind_::kTimer);
  End(timed);
  const uint64_t next = CallAfter(timed);
  Settle({next, server});
  ExpectRefused(next, LinkRefusal::kNoEvidence);
}

TEST_F(LoopRuleTest, AnAnswerOfARequestThatIsOverCausesNothing) {
  const uint64_t server = ServeOne();
  const uint64_t call = CallAfter(server);
  End(server);
  const uint64_t other = ServeOne();
  End(call);
  const uint64_t next = CallAfter(call);
  Settle({next, other});
  ExpectRefused(next, LinkRefusal::kNoEvidence);
}

TEST_F(LoopRuleTest, MultiplexedCallsAreWrittenWhenTheSessionLikes) {
  const uint64_t server = ServeOne();
  RequestStart start = Loop(Kind::kClient, Read(server));
  start.multiplexed = true;
  const uint64_t call = Begin(start);
  Settle({call, server});
  ExpectRefused(call, LinkRefusal::kDeferredWork);
}

TEST_F(LoopRuleTest, LostEventsAndUnknownRuntimesAreRefused) {
  const uint64_t server = ServeOne();
  RequestStart lost = Loop(Kind::kClient, Read(server));
  lost.events_lost = true;
  const uint64_t after_loss = Begin(lost);
  RequestStart unknown = Loop(Kind::kClient);
  unknown.loop_unsupported = true;
  const uint64_t unsupported = Begin(unknown);
  const uint64_t any_loop = Begin(Loop(Kind::kClient));
  Settle({after_loss, unsupported, any_loop, server});
  ExpectRefused(after_loss, LinkRefusal::kLostEvent);
  ExpectRefused(unsupported, LinkRefusal::kUnsupportedRuntime);
  ExpectRefused(any_loop, LinkRefusal::kEventLoop);
}

TEST_F(LoopRuleTest, NothingIsRefusedWhereNobodyAsked) {
  const uint64_t call = CallBecause(Kind_::kTimer);
  Settle({call});
  ExpectRoot(call);
}

TEST_F(LoopRuleTest, TwoRulesThatDisagreeAreAConflict) {
  const TraceContext context{.trace_id = {1, 2}, .parent_id = {3}, .sampled = true, .trace_state = {}};
  RequestStart forwarded = Loop(Kind::kServer);
  forwarded.context = context;
  const uint64_t one = Begin(forwarded);
  const uint64_t other = ServeOne();
  RequestStart start = Loop(Kind::kClient, Read(other));
  start.context = context;
  const uint64_t call = Begin(start);
  Settle({call, one, other});
  ExpectRefused(call, LinkRefusal::kConflict);
  EXPECT_EQ(Of(call).links.size(), 2U);
}

class LoopRuleBoundTest : public LoopRuleTest {
 protected:
  LoopRuleBoundTest() : LoopRuleTest(Limits(4, 100)) {}
};

TEST_F(LoopRuleBoundTest, ForgottenCallsAreRefused) {
  const uint64_t server = ServeOne();
  const uint64_t first = CallAfter(server);
  End(first);
  for (int i = 0; i < 4; ++i) End(CallAfter(server));
  const uint64_t next = CallAfter(first);
  Settle({next, server});
  ExpectRefused(next, LinkRefusal::kNoEvidence);
}

}  // namespace
}  // namespace tracelet::span
