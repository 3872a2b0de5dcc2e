#include "agent/span/rules/worker.h"

#include "tests/unit/span/stitch_bench.h"

namespace tracelet::span {
namespace {

// A reader's thread and workers; what the programs say of who woke whom is said by hand.
class WorkerRuleTest : public StitchBench {
 protected:
  struct Worker {
    TestThread thread;
    uint32_t wakes = 1;
    uint32_t attempts = 10;
  };

  static uint64_t NameOf(const TestThread& thread) { return uint64_t{thread.tid} << 32 | thread.thread_start; }

  RequestStart Read(const TestThread& thread, uint32_t attempts = 5) {
    RequestStart start = Start(Kind::kServer, thread);
    start.first.attempts = attempts;
    return start;
  }
  uint64_t ServeOn(const TestThread& thread, uint32_t attempts = 5) { return Begin(Read(thread, attempts)); }
  RequestStart Woken(const Worker& worker, const TestThread& opener, uint32_t attempts = 5) {
    RequestStart start = Start(Kind::kClient, worker.thread);
    start.first.attempts = worker.attempts;
    start.first.evidence_type = EVIDENCE_WOKEN;
    start.first.evidence = NameOf(opener);
    start.first.evidence_parent = uint64_t{worker.wakes} << 32 | attempts;
    return start;
  }
  // The worker wakes the reader when it has done `attempts`, and the reader answers.
  conn::Operation GivenBack(uint64_t server, const Worker& worker, uint32_t attempts = 11) {
    conn::Operation answer = starts_[server].first;
    answer.evidence_type = EVIDENCE_RETURNED;
    answer.evidence = NameOf(worker.thread);
    answer.evidence_parent = uint64_t{worker.wakes} << 32 | attempts;
    return answer;
  }
  void Answer(uint64_t server, const conn::Operation& answer) {
    stitcher_.OnAnswered(server, answer);
    End(server);
  }
  // A request for which `worker` makes a call; what the call is.
  uint64_t Exchange(const Worker& worker) {
    server_ = ServeOn(reader_);
    const uint64_t call = Begin(Woken(worker, reader_));
    End(call);
    Answer(server_, GivenBack(server_, worker));
    return call;
  }
  void Prove(const Worker& worker) {
    for (uint32_t i = 0; i < WorkerRule::kEnough; ++i) Exchange(worker);
  }
  // What follows a proof is refused when `change` was made to it.
  template <typename Change>
  void ExpectRefusedAfter(Change change) {
    Prove(worker_);
    RequestStart server_start = Read(reader_);
    RequestStart call_start = Woken(worker_, reader_);
    const uint64_t next = handles_ + 1;
    starts_[next] = server_start;
    conn::Operation answer = GivenBack(next, worker_);
    change(server_start, call_start, answer);
    const uint64_t server = Begin(std::move(server_start));
    const uint64_t call = Begin(std::move(call_start));
    End(call);
    Answer(server, answer);
    Pass(2'000'000'000);
    EXPECT_FALSE(Of(call).parent_span_id);
    EXPECT_NE(Of(call).refused, LinkRefusal::kNone);
  }

  TestThread reader_{.tid = 101};
  TestThread other_reader_{.tid = 102};
  Worker worker_{.thread = {.tid = 110}};
  Worker other_worker_{.thread = {.tid = 111}};
  uint64_t server_ = 0;
};

TEST_F(WorkerRuleTest, ACallThatIsGivenBackIsForTheRequest) {
  Prove(worker_);
  const uint64_t call = Exchange(worker_);
  Pass(2'000'000'000);
  ExpectParent(call, server_, LinkRule::kHandover);
}

TEST_F(WorkerRuleTest, TheFirstOnesAreLinkedWhileTheyAreHeld) {
  const uint64_t first = Exchange(worker_);
  const uint64_t its_server = server_;
  for (uint32_t i = 1; i < WorkerRule::kEnough; ++i) Exchange(worker_);
  Pass(2'000'000'000);
  ExpectParent(first, its_server, LinkRule::kHandover);
}

TEST_F(WorkerRuleTest, NothingIsLinkedBeforeEnoughWereGivenBack) {
  for (uint32_t i = 2; i < WorkerRule::kEnough; ++i) Exchange(worker_);
  const uint64_t early = Exchange(worker_);
  Pass(2'000'000'000);
  const uint64_t enough = Exchange(worker_);
  Pass(2'000'000'000);
  ExpectRefused(early, LinkRefusal::kNoEvidence);
  ExpectParent(enough, server_, LinkRule::kHandover);
}

TEST_F(WorkerRuleTest, TheWorkerMayAnswerItself) {
  Prove(worker_);
  const uint64_t server = ServeOn(reader_);
  const uint64_t call = Begin(Woken(worker_, reader_));
  End(call);
  Answer(server, starts_[call].first);
  Pass(2'000'000'000);
  ExpectParent(call, server, LinkRule::kHandover);
}

TEST_F(WorkerRuleTest, TwoRequestsAtOnceAreRefused) {
  Prove(worker_);
  const uint64_t server = ServeOn(reader_);
  const uint64_t call = Begin(Woken(worker_, reader_));
  const uint64_t other = ServeOn(other_reader_);
  End(call);
  Answer(server, GivenBack(server, worker_));
  const uint64_t late = Begin(Woken(other_worker_, other_reader_));
  End(late);
  Answer(other, GivenBack(other, other_worker_));
  Pass(2'000'000'000);
  ExpectRefused(call, LinkRefusal::kNoEvidence);
  ExpectRefused(late, LinkRefusal::kNoEvidence);
}

TEST_F(WorkerRuleTest, ARequestIsNotAloneWhileAnEarlierCallGoesOn) {
  Prove(worker_);
  const uint64_t left = Begin(Woken(other_worker_, other_reader_));
  const uint64_t call = Exchange(worker_);
  Settle({left});
  ExpectRefused(call, LinkRefusal::kNoEvidence);
}

TEST_F(WorkerRuleTest, NorWhenAnotherThreadCallsForItself) {
  Prove(worker_);
  const uint64_t server = ServeOn(reader_);
  const uint64_t others = Call(other_worker_.thread);
  const uint64_t call = Begin(Woken(worker_, reader_));
  End(others);
  End(call);
  Answer(server, GivenBack(server, worker_));
  Pass(2'000'000'000);
  ExpectRefused(call, LinkRefusal::kNoEvidence);
}

TEST_F(WorkerRuleTest, WhatWasWokenBeforeTheRequestIsNotForIt) {
  ExpectRefusedAfter([](auto&, RequestStart& call, auto&) { --call.first.evidence_parent; });
}

TEST_F(WorkerRuleTest, NorWhatAnotherThreadWoke) {
  ExpectRefusedAfter([&](auto&, RequestStart& call, auto&) { call.first.evidence = NameOf(other_reader_); });
}

TEST_F(WorkerRuleTest, NorWhatATimerMayHaveWoken) {
  ExpectRefusedAfter([](auto&, RequestStart& call, conn::Operation& answer) {
    call.first.evidence_parent |= uint64_t{WAKES_TIMED} << 32;
    answer.evidence_parent |= uint64_t{WAKES_TIMED} << 32;
  });
}

TEST_F(WorkerRuleTest, NorWhatGaveNothingBack) {
  ExpectRefusedAfter([](auto&, auto&, conn::Operation& answer) { answer.evidence_type = EVIDENCE_NONE; });
}

TEST_F(WorkerRuleTest, NorWhatGaveSomethingBackBefore) {
  ExpectRefusedAfter([](auto&, auto&, conn::Operation& answer) { answer.evidence_parent -= 2; });
}

TEST_F(WorkerRuleTest, NorWhatWasWokenAnewBeforeItGaveSomethingBack) {
  ExpectRefusedAfter([](auto&, auto&, conn::Operation& answer) { answer.evidence_parent += uint64_t{1} << 32; });
}

TEST_F(WorkerRuleTest, LostEventsMayHaveBeenAnotherRequests) {
  ExpectRefusedAfter([](auto&, auto&, conn::Operation& answer) { ++answer.any_lost; });
}

TEST_F(WorkerRuleTest, NorIsItKnownOfAReaderThatDidNotBlock) {
  ExpectRefusedAfter([](RequestStart& server, auto&, auto&) { server.blocking = false; });
}

TEST_F(WorkerRuleTest, AThreadThatCallsWhileNothingIsOpenIsNotBelieved) {
  Prove(other_worker_);
  const uint64_t own = Begin(Woken(worker_, reader_));
  End(own);
  const uint64_t call = Exchange(worker_);
  Pass(2'000'000'000);
  ExpectRoot(own);
  ExpectRefused(call, LinkRefusal::kNoEvidence);
}

TEST_F(WorkerRuleTest, APoolThatLeavesWorkBehindIsNotBelievedAnyMore) {
  Prove(worker_);
  const uint64_t held = Exchange(worker_);
  const uint64_t server = ServeOn(reader_);
  const uint64_t left = Begin(Woken(worker_, reader_));
  Answer(server, starts_[server].first);  // while the call goes on
  End(left);
  const uint64_t others = Exchange(other_worker_);
  Pass(2'000'000'000);
  ExpectRefused(held, LinkRefusal::kQueue);
  ExpectRefused(left, LinkRefusal::kNoEvidence);
  ExpectRefused(others, LinkRefusal::kNoEvidence);
}

// Like Tomcat's: the thread was woken to read what is there, and makes the call itself.
class AwakeReaderTest : public WorkerRuleTest {
 protected:
  TestThread second_reader_{.tid = 103};
  RequestStart Awake(Kind kind, const TestThread& thread, uint32_t wakes = 3) {
    RequestStart start = Start(kind, thread);
    start.blocking = false;
    start.first.evidence_type = EVIDENCE_WOKEN;
    start.first.evidence_parent = uint64_t{wakes} << 32;
    return start;
  }
  struct Seen {
    uint32_t wakes_of_call = 3;
    uint32_t wakes_of_answer = 3;
    Answerer answer_read_by = Answerer::kReader;
    Answerer answered_by = Answerer::kReader;
  };
  uint64_t Exchange(const Seen& seen) {
    server_ = Begin(Awake(Kind::kServer, reader_));
    const uint64_t call = Begin(Awake(Kind::kClient, reader_, seen.wakes_of_call));
    End(call, seen.answer_read_by);
    const TestThread& by = seen.answered_by == Answerer::kReader ? reader_ : other_reader_;
    stitcher_.OnAnswered(server_, Awake(Kind::kServer, by, seen.wakes_of_answer).first);
    End(server_, seen.answered_by);
    return call;
  }
  // By two threads in turn, as a pool does; the last is `reader_`.
  void Prove() {
    for (uint32_t i = 0; i <= WorkerRule::kEnough; ++i) {
      std::swap(reader_, second_reader_);
      Exchange({});
    }
  }
  void ExpectRefusedWith(const Seen& seen) {
    Prove();
    const uint64_t call = Exchange(seen);
    Pass(2'000'000'000);
    ExpectRefused(call, LinkRefusal::kNoEvidence);
  }
};

TEST_F(AwakeReaderTest, WaitsForItsCallAndAnswers) {
  Prove();
  const uint64_t call = Exchange({});
  Pass(2'000'000'000);
  ExpectParent(call, server_, LinkRule::kThread);
}

TEST_F(AwakeReaderTest, NothingIsLinkedBeforeEnoughWereSeen) {
  const uint64_t early = Exchange({});
  Pass(2'000'000'000);
  ExpectRefused(early, LinkRefusal::kNoEvidence);
}

TEST_F(AwakeReaderTest, OneThreadAloneMayServeAllInTurns) {
  for (uint32_t i = 0; i < 3 * WorkerRule::kEnough; ++i) Exchange({});
  const uint64_t call = Exchange({});
  Pass(2'000'000'000);
  ExpectRefused(call, LinkRefusal::kNoEvidence);
}

TEST_F(AwakeReaderTest, AThreadThatTookThePlaceOfAnotherMayServeAllInTurns) {
  for (uint32_t i = 0; i < WorkerRule::kEnough; ++i) Exchange({});
  std::swap(reader_, second_reader_);
  for (uint32_t i = 0; i < WorkerRule::kEnough; ++i) Exchange({});
  const uint64_t call = Exchange({});
  Pass(2'000'000'000);
  ExpectRefused(call, LinkRefusal::kNoEvidence);
}

TEST_F(AwakeReaderTest, LinksAreTakenBackWhenAnotherThreadAnswers) {
  Prove();
  const uint64_t held = Exchange({});
  const uint64_t other = Begin(Awake(Kind::kServer, reader_));
  End(other, Answerer::kOther);
  Pass(2'000'000'000);
  ExpectRefused(held, LinkRefusal::kQueue);
}

TEST_F(AwakeReaderTest, AThreadThatWaitsForManyRunsALoop) {
  Prove();
  reader_.waits = 1;
  const uint64_t call = Exchange({});
  Pass(2'000'000'000);
  ExpectRefused(call, LinkRefusal::kEventLoop);
}

TEST_F(AwakeReaderTest, MayHaveTakenAnotherJobAfterItSlept) {
  ExpectRefusedWith({.wakes_of_call = 4, .wakes_of_answer = 4});
}
TEST_F(AwakeReaderTest, MayHaveDoneAnythingBeforeItAnswered) { ExpectRefusedWith({.wakes_of_answer = 4}); }
TEST_F(AwakeReaderTest, ACoroutineDoesNotWaitInARead) { ExpectRefusedWith({.answer_read_by = Answerer::kOther}); }
TEST_F(AwakeReaderTest, AnotherThreadAnswers) { ExpectRefusedWith({.answered_by = Answerer::kOther}); }

TEST_F(AwakeReaderTest, IsNotBelievedWhenItCallsWhileNothingIsOpen) {
  Prove();
  const uint64_t held = Exchange({});
  const uint64_t own = Begin(Awake(Kind::kClient, reader_));
  End(own);
  const uint64_t call = Exchange({});
  Pass(2'000'000'000);
  ExpectRoot(own);
  ExpectRefused(held, LinkRefusal::kQueue);
  ExpectRefused(call, LinkRefusal::kNoEvidence);
}

TEST_F(AwakeReaderTest, TwoRequestsAtOnceAreRefused) {
  Prove();
  const uint64_t server = Begin(Awake(Kind::kServer, reader_));
  const uint64_t call = Begin(Awake(Kind::kClient, reader_));
  const uint64_t other = Begin(Awake(Kind::kServer, other_reader_));
  End(call);
  stitcher_.OnAnswered(server, Awake(Kind::kServer, reader_).first);
  Settle({server, other});
  ExpectRefused(call, LinkRefusal::kNoEvidence);
}

}  // namespace
}  // namespace tracelet::span
