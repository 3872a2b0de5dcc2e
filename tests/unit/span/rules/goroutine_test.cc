#include "agent/span/rules/goroutine.h"

#include "tests/unit/span/stitch_bench.h"

namespace tracelet::span {
namespace {

// Requests read, and calls made, by goroutines of one process. All of them run on one thread,
// which says nothing.
class GoroutineRuleTest : public StitchBench {
 protected:
  explicit GoroutineRuleTest(config::Span config = {}) : StitchBench(config) {}

  RequestStart Go(Kind kind, uint64_t owner, uint64_t turn) {
    RequestStart start = Start(kind, thread_);
    start.go_cause = {.known = true, .owner = owner, .turn = turn};
    return start;
  }
  uint64_t Read(uint64_t owner, uint64_t turn) { return Begin(Go(Kind::kServer, owner, turn)); }
  uint64_t CallFor(uint64_t owner, uint64_t turn) { return Begin(Go(Kind::kClient, owner, turn)); }

  TestThread thread_{.tid = 101};
};

TEST_F(GoroutineRuleTest, ACallBelongsToTheReadThatCausedIt) {
  const uint64_t one = Read(7, 1000);
  const uint64_t other = Read(8, 1001);
  const uint64_t for_one = CallFor(7, 1000);
  const uint64_t for_other = CallFor(8, 1001);
  Settle({for_one, for_other, one, other});
  ExpectParent(for_one, one, LinkRule::kGoroutine);
  ExpectParent(for_other, other, LinkRule::kGoroutine);
}

// The connection's goroutine serves its next request when one that it started goes on with the last.
TEST_F(GoroutineRuleTest, WhatIsLeftBehindIsNotTheNextRequests) {
  const uint64_t first = Read(7, 1000);
  End(first);
  const uint64_t second = Read(7, 2000);
  const uint64_t left_behind = CallFor(7, 1000);
  const uint64_t of_second = CallFor(7, 2000);
  Settle({left_behind, of_second, second});
  ExpectRefused(left_behind, LinkRefusal::kDeferredWork);
  ExpectParent(of_second, second, LinkRule::kGoroutine);
}

TEST_F(GoroutineRuleTest, WithoutACauseItSaysWhy) {
  const uint64_t server = Read(7, 1000);
  const uint64_t worker = CallFor(0, GO_NO_CAUSE);
  const uint64_t given = CallFor(0, GO_QUEUE);
  Settle({worker, given, server});
  ExpectRefused(worker, LinkRefusal::kNoEvidence);
  ExpectRefused(given, LinkRefusal::kQueue);
}

TEST_F(GoroutineRuleTest, NobodyAsked) {
  const uint64_t call = CallFor(0, GO_NO_CAUSE);
  Settle({call});
  ExpectRoot(call);
}

TEST_F(GoroutineRuleTest, RequestsOfOneReadAreTwoCandidates) {
  const uint64_t one = Read(7, 1000);
  const uint64_t pipelined = Read(7, 1000);
  const uint64_t call = CallFor(7, 1000);
  Settle({call, one, pipelined});
  ExpectRefused(call, LinkRefusal::kAmbiguous);
}

// A goroutine that reads several requests before one is answered hands them over.
TEST_F(GoroutineRuleTest, ADispatchersCallsAreAmbiguous) {
  const uint64_t one = Read(7, 1000);
  const uint64_t two = Read(7, 2000);
  const uint64_t call = CallFor(7, 2000);
  Settle({call, one, two});
  ExpectRefused(call, LinkRefusal::kAmbiguous);
}

// Of HTTP/2, all of a connection are read for one cause; who serves a stream says which.
class GoStreamsTest : public GoroutineRuleTest {
 protected:
  uint64_t ReadStream(uint64_t reader, uint64_t turn, uint32_t stream) {
    RequestStart start = Go(Kind::kServer, reader, turn);
    start.multiplexed = true;
    start.stream_id = stream;
    return Begin(std::move(start));
  }
  uint64_t CallForStream(uint64_t reader, uint64_t turn, uint32_t stream) {
    return CallFor(GO_STREAM_OWNER(reader, stream), turn);
  }
};

TEST_F(GoStreamsTest, ACallBelongsToTheStreamThatItsGoroutineServes) {
  const uint64_t one = ReadStream(7, 1000, 1);
  const uint64_t other = ReadStream(7, 1000, 3);
  const uint64_t of_another_connection = ReadStream(8, 1001, 1);
  const uint64_t for_one = CallForStream(7, 1000, 1);
  const uint64_t for_other = CallForStream(7, 1000, 3);
  const uint64_t for_another = CallForStream(8, 1001, 1);
  Settle({for_one, for_other, for_another, one, other, of_another_connection});
  ExpectParent(for_one, one, LinkRule::kGoroutine);
  ExpectParent(for_other, other, LinkRule::kGoroutine);
  ExpectParent(for_another, of_another_connection, LinkRule::kGoroutine);
}

TEST_F(GoStreamsTest, WhatIsLeftBehindIsNotAnotherStreams) {
  const uint64_t first = ReadStream(7, 1000, 1);
  End(first);
  const uint64_t second = ReadStream(7, 1000, 3);
  const uint64_t left_behind = CallForStream(7, 1000, 1);
  Settle({left_behind, second});
  ExpectRefused(left_behind, LinkRefusal::kDeferredWork);
}

// It may serve any, also when only one is open.
TEST_F(GoStreamsTest, WhoSaysOnlyTheConnectionIsRefused) {
  const uint64_t server = ReadStream(7, 1000, 1);
  const uint64_t call = CallFor(7, 1000);
  Settle({call, server});
  ExpectRefused(call, LinkRefusal::kAmbiguous);
}

// Its answer has begun and its end is not seen: the goroutine's next request is no second one.
TEST_F(GoroutineRuleTest, AnOpenEndedAnswerStillHasItsCalls) {
  const uint64_t streaming = Read(7, 1000);
  stitcher_.OnResponseOpenEnded(streaming);
  const uint64_t late = CallFor(7, 1000);
  const uint64_t next = Read(7, 2000);
  const uint64_t of_next = CallFor(7, 2000);
  Settle({late, of_next, streaming, next});
  ExpectParent(late, streaming, LinkRule::kGoroutine);
  ExpectParent(of_next, next, LinkRule::kGoroutine);
}

TEST_F(GoroutineRuleTest, NumbersOfAnotherProcessAreOthers) {
  const uint64_t here = Read(7, 1000);
  RequestStart elsewhere = Go(Kind::kServer, 8, 1001);
  elsewhere.first.process.tgid = 11;
  const uint64_t there = Begin(std::move(elsewhere));
  const uint64_t call = CallFor(8, 1001);
  Settle({call, here, there});
  ExpectRefused(call, LinkRefusal::kDeferredWork);
}

// The thread has read one request and writes the call: true of threads, not of goroutines.
TEST_F(GoroutineRuleTest, ThreadsSayNothing) {
  const uint64_t server = Read(7, 1000);
  const uint64_t call = CallFor(0, GO_NO_CAUSE);
  Settle({call, server});
  ExpectRefused(call, LinkRefusal::kNoEvidence);
}

TEST_F(GoroutineRuleTest, AProgramThatCannotBeFollowedIsRefused) {
  const uint64_t server = Serve(thread_);
  RequestStart start = Start(Kind::kClient, thread_);
  start.goroutines_unsupported = true;
  start.first.waits = 3;
  const uint64_t call = Begin(std::move(start));
  Settle({call, server});
  ExpectRefused(call, LinkRefusal::kUnsupportedRuntime);
}

TEST_F(GoroutineRuleTest, LostEventsMayHaveBeenRequests) {
  const uint64_t server = Read(7, 1000);
  RequestStart start = Go(Kind::kClient, 7, 1000);
  start.events_lost = true;
  const uint64_t call = Begin(std::move(start));
  Settle({call, server});
  ExpectRefused(call, LinkRefusal::kLostEvent);
}

class FewOpenTest : public GoroutineRuleTest {
 protected:
  FewOpenTest() : GoroutineRuleTest(Limits(2, 100)) {}
};

TEST_F(FewOpenTest, SoDoRequestsThatWereNotRemembered) {
  const uint64_t one = Read(7, 1000);
  Read(8, 1001);
  Read(9, 1002);  // no room
  End(2);
  const uint64_t call = CallFor(7, 1000);
  Settle({call, one});
  ExpectRefused(call, LinkRefusal::kLostEvent);
}

}  // namespace
}  // namespace tracelet::span
