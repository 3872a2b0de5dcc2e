#include "agent/span/rules/python.h"

#include "tests/unit/span/stitch_bench.h"

namespace tracelet::span {
namespace {

constexpr uint64_t kFamily = 1000;
constexpr uint64_t kOtherFamily = 2000;

// Coroutines of one loop; what the kernel says of their contexts is said by hand.
class PythonRuleTest : public StitchBench {
 protected:
  explicit PythonRuleTest(config::Span config = {}) : StitchBench(config) {}

  RequestStart In(Kind kind, uint64_t family, uint64_t branch = 0) {
    RequestStart start = Start(kind, thread_);
    start.first.blocking = false;
    start.blocking = false;
    start.first.evidence_type = EVIDENCE_PYTHON;
    start.first.evidence = family;
    start.first.evidence_parent = branch;
    return start;
  }
  uint64_t ServeIn(uint64_t family) { return Begin(In(Kind::kServer, family)); }
  uint64_t CallIn(uint64_t family, uint64_t branch = 0) { return Begin(In(Kind::kClient, family, branch)); }

  TestThread thread_{.tid = 101, .waits = 5};
};

TEST_F(PythonRuleTest, AFamilysCallsAreForItsConnectionsRequest) {
  const uint64_t one = ServeIn(kFamily);
  const uint64_t other = ServeIn(kOtherFamily);
  const uint64_t for_one = CallIn(kFamily);
  const uint64_t for_other = CallIn(kOtherFamily, now_ns_);
  Settle({for_one, for_other, one, other});
  ExpectParent(for_one, one, LinkRule::kPython);
  ExpectParent(for_other, other, LinkRule::kPython);
}

TEST_F(PythonRuleTest, AnyThreadMayWorkForIt) {
  const uint64_t server = ServeIn(kFamily);
  thread_ = {.tid = 102};
  const uint64_t call = CallIn(kFamily, now_ns_);
  Settle({call, server});
  ExpectParent(call, server, LinkRule::kPython);
}

TEST_F(PythonRuleTest, WhatWasLeftOverFromAnEarlierRequestIsNotForThisOne) {
  const uint64_t first = ServeIn(kFamily);
  const uint64_t branch = ++now_ns_;
  End(first);
  const uint64_t second = ServeIn(kFamily);
  const uint64_t late = CallIn(kFamily, branch);
  const uint64_t lasting = CallIn(kFamily, 0);  // as old as the connection: whatever it is asked
  Settle({late, lasting, second});
  ExpectRefused(late, LinkRefusal::kDeferredWork);
  ExpectParent(lasting, second, LinkRule::kPython);
}

TEST_F(PythonRuleTest, ARequestThatIsOverCausesNothing) {
  const uint64_t over = ServeIn(kFamily);
  const uint64_t may_be_over = ServeIn(kOtherFamily);
  const uint64_t open = ServeIn(3000);
  End(over);
  stitcher_.OnResponseOpenEnded(may_be_over);
  const uint64_t after = CallIn(kFamily);
  const uint64_t late = CallIn(kOtherFamily);
  Settle({after, late, may_be_over, open});
  ExpectRefused(after, LinkRefusal::kNoEvidence);
  ExpectRefused(late, LinkRefusal::kNoEvidence);
}

TEST_F(PythonRuleTest, RequestsThatMetOnOneConnectionAreAmbiguous) {
  const uint64_t first = ServeIn(kFamily);
  const uint64_t second = ServeIn(kFamily);
  const uint64_t while_two = CallIn(kFamily);
  End(first);
  const uint64_t while_one = CallIn(kFamily, now_ns_);  // the first one's may come late
  Settle({while_two, while_one, second});
  ExpectRefused(while_two, LinkRefusal::kAmbiguous);
  ExpectRefused(while_one, LinkRefusal::kAmbiguous);
}

TEST_F(PythonRuleTest, MultiplexedConnectionsTellNothing) {
  RequestStart served = In(Kind::kServer, kFamily);
  served.multiplexed = true;
  const uint64_t server = Begin(std::move(served));
  const uint64_t plain = CallIn(kFamily);
  RequestStart called = In(Kind::kClient, kFamily);
  called.multiplexed = true;
  const uint64_t stream = Begin(std::move(called));
  Settle({plain, stream, server});
  ExpectRefused(plain, LinkRefusal::kAmbiguous);
  ExpectRefused(stream, LinkRefusal::kDeferredWork);
}

TEST_F(PythonRuleTest, ContextsWithoutAFamilyAreWhatTheirThreadIs) {
  const uint64_t server = ServeIn(kFamily);
  const uint64_t worker = CallIn(0);
  Settle({worker, server});
  ExpectRefused(worker, LinkRefusal::kEventLoop);
}

TEST_F(PythonRuleTest, NumbersAreOfOneProcess) {
  const uint64_t server = ServeIn(kFamily);
  thread_.process.tgid = 11;
  const uint64_t own = ServeIn(kOtherFamily);
  const uint64_t call = CallIn(kFamily);
  Settle({call, own, server});
  ExpectRefused(call, LinkRefusal::kNoEvidence);
}

// The answer, and the connection's next request.
TEST_F(PythonRuleTest, EventsThatTheThreadLostSinceMayHaveBeenTheNextRequest) {
  const uint64_t server = ServeIn(kFamily);
  thread_.lost = 2;
  const uint64_t call = CallIn(kFamily, now_ns_);
  Settle({call, server});
  ExpectRefused(call, LinkRefusal::kLostEvent);
}

// Seen when the request's thread is: not yet when another one makes the call.
TEST_F(PythonRuleTest, WhatOtherThreadsCalledIsTakenBackWhenTheRequestsOwnLostEvents) {
  const uint64_t whole = ServeIn(kFamily);
  const uint64_t server = ServeIn(kOtherFamily);
  thread_ = {.tid = 102};
  const uint64_t certain = CallIn(kFamily, now_ns_);
  const uint64_t call = CallIn(kOtherFamily, now_ns_);
  End(certain);
  End(call);
  End(whole);
  End(server, Answerer::kReader, true);
  Pass(2'000'000'000);
  ExpectParent(certain, whole, LinkRule::kPython);
  ExpectRefused(call, LinkRefusal::kLostEvent);
}

TEST_F(PythonRuleTest, LostEventsRefuse) {
  RequestStart doubtful = In(Kind::kServer, kFamily);
  doubtful.events_lost = true;
  const uint64_t server = Begin(std::move(doubtful));
  const uint64_t call = CallIn(kFamily);
  Settle({call, server});
  ExpectRefused(call, LinkRefusal::kLostEvent);
}

// It has started coroutines that take jobs out of a queue, its own and others'.
TEST_F(PythonRuleTest, WhatGoesOnCallingWhenItsRequestIsOverIsNobodys) {
  const uint64_t server = ServeIn(kFamily);
  const uint64_t branch = now_ns_;
  const uint64_t alone = CallIn(kFamily, branch);
  const uint64_t other = ServeIn(kOtherFamily);
  const uint64_t for_either = CallIn(kFamily, branch);
  const uint64_t certain = CallIn(kOtherFamily, now_ns_);
  End(for_either);
  End(server);
  const uint64_t next = ServeIn(kFamily);  // of the same connection
  for (int i = 0; i < 3; ++i) End(CallIn(kFamily, branch));
  Settle({alone, certain, next, other});
  ExpectParent(alone, server, LinkRule::kPython);
  ExpectParent(certain, other, LinkRule::kPython);
  ExpectRefused(for_either, LinkRefusal::kQueue);
}

TEST_F(PythonRuleTest, BackgroundTasksMayCallWhenTheirRequestIsOver) {
  const uint64_t other = ServeIn(kOtherFamily);
  for (int request = 0; request < 3; ++request) {
    const uint64_t server = ServeIn(kFamily);
    const uint64_t branch = now_ns_;
    const uint64_t call = CallIn(kFamily, branch);
    End(call);
    End(server);
    for (int i = 0; i < 2; ++i) End(CallIn(kFamily, branch));
    Pass(2'000'000'000);
    ExpectParent(call, server, LinkRule::kPython);
  }
  Settle({other});
}

TEST_F(PythonRuleTest, WithNothingOpenACallIsARoot) {
  const uint64_t call = CallIn(kFamily);
  Settle({call});
  ExpectRoot(call);
}

}  // namespace
}  // namespace tracelet::span
