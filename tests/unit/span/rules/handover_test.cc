#include "agent/span/rules/handover.h"

#include "tests/unit/span/stitch_bench.h"

namespace tracelet::span {
namespace {

// Threads of a CPython process that block, and a worker of an executor; what the programs say of
// its jobs is said by hand.
class HandoverRuleTest : public StitchBench {
 protected:
  RequestStart Read(const TestThread& thread, uint32_t attempts) {
    RequestStart start = Start(Kind::kServer, thread);
    start.first.evidence_type = EVIDENCE_PYTHON;
    start.first.attempts = attempts;
    return start;
  }
  uint64_t ServeOn(const TestThread& thread, uint32_t attempts = 5) { return Begin(Read(thread, attempts)); }
  RequestStart Job(const TestThread& giver, uint32_t attempts = 5) {
    RequestStart start = Start(Kind::kClient, worker_);
    start.first.evidence_type = EVIDENCE_HANDOVER;
    start.first.evidence = uint64_t{giver.tid} << 32 | giver.thread_start;
    start.first.evidence_parent = attempts;
    start.first.giver_lost = giver.lost;
    return start;
  }
  uint64_t CallFor(const TestThread& giver, uint32_t attempts = 5) { return Begin(Job(giver, attempts)); }

  TestThread one_{.tid = 101};
  TestThread other_{.tid = 102};
  TestThread worker_{.tid = 110};
};

TEST_F(HandoverRuleTest, AJobIsForTheRequestThatItsGiverHasRead) {
  const uint64_t first = ServeOn(one_);
  const uint64_t second = ServeOn(other_);
  const uint64_t for_second = CallFor(other_);
  const uint64_t for_first = CallFor(one_, 6);  // given after its thread had done something more
  Settle({for_second, for_first, first, second});
  ExpectParent(for_first, first, LinkRule::kHandover);
  ExpectParent(for_second, second, LinkRule::kHandover);
}

TEST_F(HandoverRuleTest, AJobThatWasLeftBehindIsNotForTheNextRequest) {
  const uint64_t over = ServeOn(one_, 5);
  End(over);
  const uint64_t next = ServeOn(one_, 7);
  const uint64_t late = CallFor(one_, 6);
  const uint64_t own = CallFor(one_, 7);
  Settle({late, own, next});
  ExpectRefused(late, LinkRefusal::kDeferredWork);
  ExpectParent(own, next, LinkRule::kHandover);
}

TEST_F(HandoverRuleTest, NobodysRequestIsOpen) {
  const uint64_t over = ServeOn(one_);
  End(over);
  const uint64_t others = ServeOn(other_);
  const uint64_t late = CallFor(one_);
  Settle({late, others});
  ExpectRefused(late, LinkRefusal::kNoEvidence);
}

TEST_F(HandoverRuleTest, ADispatcherHasSeveral) {
  const uint64_t first = ServeOn(one_, 5);
  const uint64_t second = ServeOn(one_, 6);
  const uint64_t while_two = CallFor(one_, 6);
  End(first);
  const uint64_t while_one = CallFor(one_, 6);  // the first one's may come late
  Settle({while_two, while_one, second});
  ExpectRefused(while_two, LinkRefusal::kAmbiguous);
  ExpectRefused(while_one, LinkRefusal::kAmbiguous);
}

TEST_F(HandoverRuleTest, WhatRunsALoopGivesWhatAnyoneWanted) {
  one_.waits = 3;
  const uint64_t server = ServeOn(one_);
  const uint64_t call = CallFor(one_);
  Settle({call, server});
  ExpectRefused(call, LinkRefusal::kEventLoop);
}

TEST_F(HandoverRuleTest, AThreadWhosePastIsUnknownMayHoldOthers) {
  one_.born = false;
  const uint64_t server = ServeOn(one_);
  const uint64_t call = CallFor(one_);
  Settle({call, server});
  ExpectRefused(call, LinkRefusal::kAdopted);
}

TEST_F(HandoverRuleTest, LostEventsRefuse) {
  const uint64_t server = ServeOn(one_);
  RequestStart call = Job(one_);
  call.first.giver_lost = one_.lost + 1;
  const uint64_t since_the_read = Begin(std::move(call));
  call = Job(one_);
  call.first.giver_lost.reset();
  const uint64_t perhaps = Begin(std::move(call));
  Settle({since_the_read, perhaps, server});
  ExpectRefused(since_the_read, LinkRefusal::kLostEvent);
  ExpectRefused(perhaps, LinkRefusal::kLostEvent);
}

}  // namespace
}  // namespace tracelet::span
