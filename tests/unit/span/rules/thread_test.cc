#include "agent/span/rules/thread.h"

#include "tests/unit/span/stitch_bench.h"

namespace tracelet::span {
namespace {

class ThreadRuleTest : public StitchBench {
 protected:
  // One request on an adopted thread, from read to end.
  void ServeOne(const TestThread& thread, uint64_t connection = 0) {
    RequestStart start = Start(Kind::kServer, thread);
    if (connection != 0) start.connection = connection;
    End(Begin(start));
  }
  TestThread thread_;
};

TEST_F(ThreadRuleTest, AThreadThatBlocksInTheReadMakesItsCallsForThatRequest) {
  const uint64_t server = Serve(thread_);
  const uint64_t first = Call(thread_);
  End(first);
  const uint64_t second = Call(thread_);
  Settle({second, server});
  ExpectParent(first, server, LinkRule::kThread);
  ExpectParent(second, server, LinkRule::kThread);
  ExpectRoot(server);
}

TEST_F(ThreadRuleTest, NoOpenRequestInTheProcessIsAPlainRoot) {
  Settle({Serve(thread_)});
  const uint64_t call = Call(thread_);
  Settle({call});
  ExpectRoot(call);
}

TEST_F(ThreadRuleTest, AResponseThatIsOverCausesNothing) {
  const uint64_t server = Serve(thread_);
  End(server);
  const uint64_t call = Call(thread_);
  Settle({call});
  ExpectRoot(call);
}

TEST_F(ThreadRuleTest, ARequestThatMayBeOverCausesNothing) {
  const uint64_t server = Serve(thread_);
  stitcher_.OnResponseOpenEnded(server);
  const uint64_t after = Call(thread_);
  const uint64_t next = Serve(thread_);
  const uint64_t for_next = Call(thread_);
  Settle({after, for_next, next, server});
  ExpectRefused(after, LinkRefusal::kNoEvidence);
  ExpectParent(for_next, next, LinkRule::kThread);
}

TEST_F(ThreadRuleTest, AnEventLoopMayFlushAnotherThreadsCall) {
  TestThread loop{.tid = 101, .waits = 5};
  const uint64_t server = Serve(loop);  // the only request that the loop has read
  const uint64_t others = Serve(thread_);
  const uint64_t same_turn = Call(loop);  // but this one is for `others`
  loop.waits = 6;
  const uint64_t next_turn = Call(loop);
  Settle({server, others, same_turn, next_turn});
  ExpectRefused(same_turn, LinkRefusal::kEventLoop);
  ExpectRefused(next_turn, LinkRefusal::kEventLoop);
}

TEST_F(ThreadRuleTest, APollBetweenReadAndWriteMakesItALoop) {
  const uint64_t server = Serve(thread_);
  thread_.waits = 1;
  const uint64_t call = Call(thread_);
  Settle({server, call});
  ExpectRefused(call, LinkRefusal::kEventLoop);
}

TEST_F(ThreadRuleTest, AWorkerThatWaitsForListenersOnlyAndAcceptsItselfIsNoLoop) {
  TestThread worker{.tid = 101, .waits = 9};
  RequestStart accepted = Start(Kind::kServer, worker);
  accepted.accept_tid = 101;
  accepted.accept_waits = 9;
  const uint64_t server = Begin(accepted);
  const uint64_t call = Call(worker);
  Settle({server, call});
  ExpectParent(call, server, LinkRule::kThread);
}

TEST_F(ThreadRuleTest, AWaitAfterTheAcceptOrAnotherAcceptorIsALoop) {
  TestThread worker{.tid = 101, .waits = 9};
  for (const auto& [tid, waits] : {std::pair(101U, 8U), std::pair(102U, 9U), std::pair(0U, 9U)}) {
    RequestStart start = Start(Kind::kServer, worker);
    start.accept_tid = tid;
    start.accept_waits = waits;
    const uint64_t server = Begin(start);
    const uint64_t call = Call(worker);
    Settle({server, call});
    ExpectRefused(call, LinkRefusal::kEventLoop);
  }
}

TEST_F(ThreadRuleTest, PipelinedRequestsOnOneThreadAreAmbiguousUntilOneIsLeft) {
  const uint64_t first = Serve(thread_);
  const uint64_t second = Serve(thread_);
  const uint64_t early = Call(thread_);
  End(first);
  const uint64_t late = Call(thread_);
  Settle({second, early, late});
  ExpectRefused(early, LinkRefusal::kAmbiguous);
  ASSERT_EQ(Of(early).links.size(), 2U);
  EXPECT_EQ(Of(early).links[0].span_id, Of(first).span_id);
  EXPECT_EQ(Of(early).links[1].span_id, Of(second).span_id);
  EXPECT_EQ(Of(early).links[1].trace_id, Of(second).trace_id);
  ExpectParent(late, second, LinkRule::kThread);
}

TEST_F(ThreadRuleTest, TooManyCandidatesAreNotListed) {
  std::vector<uint64_t> servers;
  for (int i = 0; i < 9; ++i) servers.push_back(Serve(thread_));
  const uint64_t call = Call(thread_);
  for (uint64_t server : servers) End(server);
  Settle({call});
  ExpectRefused(call, LinkRefusal::kAmbiguous);
  EXPECT_TRUE(Of(call).links.empty());
}

TEST_F(ThreadRuleTest, APoolsWorkerHasReadNothing) {
  const TestThread worker{.tid = 200};
  const uint64_t server = Serve(thread_);
  const uint64_t call = Call(worker);
  Settle({server, call});
  ExpectRefused(call, LinkRefusal::kNoEvidence);
}

TEST_F(ThreadRuleTest, AReusedTidIsAnotherThread) {
  const uint64_t server = Serve(thread_);
  TestThread reborn = thread_;
  reborn.thread_start = 8;
  const uint64_t call = Call(reborn);
  TestThread elsewhere = thread_;
  elsewhere.process.start_ns = 100;
  const uint64_t other_process = Call(elsewhere);
  Settle({server, call, other_process});
  ExpectRefused(call, LinkRefusal::kNoEvidence);
  ExpectRoot(other_process);
}

TEST_F(ThreadRuleTest, AReusedDescriptorIsAnotherConnection) {
  const uint64_t aborted = Serve(thread_);
  stitcher_.OnRequestDropped(aborted);  // its connection closed, the same descriptor is accepted again
  const uint64_t server = Serve(thread_);
  const uint64_t call = Call(thread_);
  Settle({server, call});
  ExpectParent(call, server, LinkRule::kThread);
}

TEST_F(ThreadRuleTest, AReadThatDidNotBlockIsNoEvidence) {
  RequestStart start = Start(Kind::kServer, thread_);
  start.blocking = false;
  const uint64_t server = Begin(start);
  const uint64_t call = Call(thread_);
  Settle({server, call});
  ExpectRefused(call, LinkRefusal::kNoEvidence);
}

// Readers that do not block: Tomcat's workers.
class ReaderHabitsTest : public ThreadRuleTest {
 protected:
  uint64_t Read(const TestThread& thread) {
    RequestStart start = Start(Kind::kServer, thread);
    start.blocking = false;
    return Begin(start);
  }
  // `count` requests, each answered by its reader while one of another thread is open.
  void Show(uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
      const uint64_t one = Read({.tid = 1000 + i});
      const uint64_t other = Read({.tid = 2000 + i});
      End(one);
      End(other);
    }
  }
};

TEST_F(ReaderHabitsTest, AreTrustedWhereEachAnswersItsOwn) {
  Show(ReaderHabits::kEnough - 1);
  const uint64_t early = Read(thread_);
  const uint64_t early_call = Call(thread_);
  Show(1);
  const uint64_t call = Call(thread_);
  Settle({early_call, call, early});
  ExpectRefused(early_call, LinkRefusal::kNoEvidence);
  ExpectParent(call, early, LinkRule::kThread);
}

// One thread may serve all, and what else runs on it: nothing is shown by requests that are alone.
TEST_F(ReaderHabitsTest, OneAfterTheOtherShowsNothing) {
  for (uint32_t i = 0; i < 10 * ReaderHabits::kEnough; ++i) End(Read(thread_));
  const uint64_t server = Read(thread_);
  const uint64_t call = Call(thread_);
  Settle({call, server});
  ExpectRefused(call, LinkRefusal::kNoEvidence);
}

TEST_F(ReaderHabitsTest, TwoOpenOnOneThreadAreCoroutines) {
  Show(ReaderHabits::kEnough);
  const uint64_t server = Read(thread_);
  const uint64_t call = Call(thread_);
  End(Read({.tid = 500}));
  const TestThread coroutines{.tid = 501};
  const uint64_t first = Read(coroutines);
  const uint64_t second = Read(coroutines);
  End(first);
  const uint64_t after = Call(thread_);
  Settle({call, after, second, server});
  ExpectRefused(call, LinkRefusal::kQueue);
  ExpectRefused(after, LinkRefusal::kQueue);
}

TEST_F(ReaderHabitsTest, WhereOthersWaitForManyTheyMayBeALoops) {
  Show(ReaderHabits::kEnough);
  TestThread loop{.tid = 777, .waits = 1};
  const uint64_t of_a_loop = Read(loop);
  const uint64_t loops_call = Call(loop);
  const uint64_t server = Read(thread_);
  const uint64_t held = Call(thread_);
  End(of_a_loop);
  const uint64_t after = Call(thread_);
  Settle({loops_call, held, after, server});
  ExpectRefused(loops_call, LinkRefusal::kEventLoop);
  ExpectRefused(held, LinkRefusal::kQueue);
  ExpectRefused(after, LinkRefusal::kNoEvidence);
}

TEST_F(ThreadRuleTest, AnAnswerByAnotherThanTheReaderTakesBackWhatIsHeld) {
  const TestThread other{.tid = 101};
  TestThread elsewhere{.tid = 102};
  elsewhere.process.tgid = 11;
  const uint64_t unconcerned = Serve(elsewhere);
  const uint64_t unconcerned_call = Call(elsewhere);
  const uint64_t before = Serve(thread_);
  const uint64_t long_ago = Call(thread_);
  Settle({long_ago, before});
  const uint64_t server = Serve(thread_);         // handed on to `other`
  const uint64_t job_of_another = Call(thread_);  // what a thread of that pool takes next
  const uint64_t next = Serve(other);
  End(job_of_another);
  End(server, Answerer::kOther);
  const uint64_t call = Call(other);
  Settle({call, next, unconcerned_call, unconcerned});
  ExpectParent(long_ago, before, LinkRule::kThread);
  ExpectRefused(job_of_another, LinkRefusal::kQueue);
  EXPECT_NE(Of(job_of_another).trace_id, Of(server).trace_id);
  ExpectRefused(call, LinkRefusal::kQueue);
  ExpectParent(unconcerned_call, unconcerned, LinkRule::kThread);
}

TEST_F(ThreadRuleTest, AHeadReadByTwoThreadsBelongsToEither) {
  RequestStart shared = Start(Kind::kServer, {.tid = 300});
  shared.one_thread = false;
  const uint64_t unclear = Begin(shared);
  const uint64_t server = Serve(thread_);  // perhaps the second reader of `unclear`
  const uint64_t call = Call(thread_);
  const uint64_t by_first_reader = Call({.tid = 300});
  End(unclear);
  const uint64_t after = Call(thread_);
  RequestStart written_by_two = Start(Kind::kClient, thread_);
  written_by_two.one_thread = false;
  const uint64_t torn = Begin(written_by_two);
  Settle({server, call, by_first_reader, after, torn});
  ExpectRefused(call, LinkRefusal::kAmbiguous);
  ExpectRefused(by_first_reader, LinkRefusal::kNoEvidence);
  ExpectParent(after, server, LinkRule::kThread);
  ExpectRefused(torn, LinkRefusal::kNoEvidence);
}

TEST_F(ThreadRuleTest, ALostEventOfTheThreadMayHaveBeenAnotherRequest) {
  const uint64_t server = Serve(thread_);
  thread_.lost = 1;
  const uint64_t call = Call(thread_);
  End(server);
  const uint64_t next = Serve(thread_);
  const uint64_t its_call = Call(thread_);
  End(next);
  RequestStart after_gap = Start(Kind::kServer, thread_);
  after_gap.events_lost = true;
  const uint64_t gap = Begin(after_gap);
  const uint64_t call_after_gap = Call(thread_);
  Settle({call, its_call, gap, call_after_gap});
  ExpectRefused(call, LinkRefusal::kLostEvent);
  ExpectParent(its_call, next, LinkRule::kThread);
  ExpectRefused(call_after_gap, LinkRefusal::kLostEvent);
}

TEST_F(ThreadRuleTest, WithoutTheKernelsThreadEntryNothingIsKnown) {
  thread_.waits_known = false;
  const uint64_t server = Serve(thread_);
  const uint64_t call = Call(thread_);
  const uint64_t elsewhere = Call({.tid = 5, .waits_known = false});
  Settle({server, call, elsewhere});
  ExpectRefused(call, LinkRefusal::kLostEvent);
  ExpectRefused(elsewhere, LinkRefusal::kLostEvent);
}

TEST_F(ThreadRuleTest, AnAdoptedThreadIsTrustedFromTheSecondRequestOnItsConnection) {
  thread_.born = false;
  const uint64_t first = Serve(thread_);
  const uint64_t early = Call(thread_);
  End(first);
  RequestStart same_connection = Start(Kind::kServer, thread_);
  same_connection.connection = starts_[first].connection;
  const uint64_t second = Begin(same_connection);
  const uint64_t late = Call(thread_);
  End(second);
  const uint64_t third = Serve(thread_);
  const uint64_t later = Call(thread_);
  Settle({early, late, third, later});
  ExpectRefused(early, LinkRefusal::kAdopted);
  ExpectParent(late, second, LinkRule::kThread);
  ExpectParent(later, third, LinkRule::kThread);
}

// The agent came in the middle of a turn: select() had said that three connections are ready.
TEST_F(ThreadRuleTest, AnAdoptedLoopCanServeTwoConnectionsBeforeItIsSeenToWait) {
  thread_.born = false;
  ServeOne(thread_);
  const uint64_t second = Serve(thread_);
  const uint64_t of_an_older_request = Call(thread_);
  Settle({second, of_an_older_request});
  ExpectRefused(of_an_older_request, LinkRefusal::kAdopted);
}

TEST_F(ThreadRuleTest, AnAdoptedThreadIsTrustedWhenNoTurnLastsThatLong) {
  thread_.born = false;
  ServeOne(thread_);
  Pass(1'000'000'000);
  const uint64_t second = Serve(thread_);
  const uint64_t call = Call(thread_);
  Settle({second, call});
  ExpectParent(call, second, LinkRule::kThread);
}

TEST_F(ThreadRuleTest, AnAdoptedWorkerIsTrustedWhenItAcceptsAgain) {
  TestThread worker{.tid = 101, .waits = 3, .born = false};
  const auto serve = [&] {
    RequestStart start = Start(Kind::kServer, worker);
    start.accept_tid = worker.tid;
    start.accept_waits = worker.waits;
    return Begin(start);
  };
  const uint64_t first = serve();
  const uint64_t early = Call(worker);
  End(first);
  worker.waits = 4;
  const uint64_t second = serve();
  const uint64_t late = Call(worker);
  Settle({early, second, late});
  ExpectRefused(early, LinkRefusal::kAdopted);
  ExpectParent(late, second, LinkRule::kThread);
}

TEST_F(ThreadRuleTest, AnAdoptedThreadsFirstRequestMustBeOverAndReadInTheSameWay) {
  thread_.born = false;
  const uint64_t open = Serve(thread_);
  End(open);
  TestThread other{.tid = 102, .born = false};
  RequestStart not_blocking = Start(Kind::kServer, other);
  not_blocking.blocking = false;
  End(Begin(not_blocking));
  Pass(1'500'000'000);
  const uint64_t second = Serve(other);
  const uint64_t call = Call(other);
  Settle({second, call});
  ExpectRefused(call, LinkRefusal::kAdopted);
}

// More adopted threads than are remembered: refused once more, never trusted by mistake.
class ForgetfulThreadRule : public StitchBench {
 protected:
  ForgetfulThreadRule() : StitchBench(Limits(2, 100)) {}
};

TEST_F(ForgetfulThreadRule, StartsOver) {
  const TestThread a{.tid = 1, .born = false};
  for (uint32_t tid = 1; tid <= 3; ++tid) End(Serve({.tid = tid, .born = false}));
  Pass(1'500'000'000);
  const uint64_t server = Serve(a);
  const uint64_t call = Call(a);
  Settle({call, server});
  ExpectRefused(call, LinkRefusal::kAdopted);
}

}  // namespace
}  // namespace tracelet::span
