#include "agent/conn/loop_causes.h"

#include <gtest/gtest.h>

namespace tracelet::conn {
namespace {

using Kind = LoopCause::Kind;

event_header Header(uint32_t tid, uint32_t thread_start) {
  event_header header{};
  header.tid = tid;
  header.thread_start = thread_start;
  return header;
}

event_data Data(event_direction direction, uint64_t evidence, uint32_t tid = 7, uint32_t thread_start = 70) {
  event_data event{};
  event.header = Header(tid, thread_start);
  event.direction = static_cast<uint8_t>(direction);
  event.evidence_type = EVIDENCE_LOOP;
  event.evidence = evidence;
  return event;
}

event_connect Connect(uint64_t sock, uint32_t inode, uint64_t evidence) {
  event_connect event{};
  event.header = Header(7, 70);
  event.conn.sock = sock;
  event.conn.inode = inode;
  event.evidence = evidence;
  return event;
}

event_open Open(uint64_t sock, uint32_t inode) {
  event_open event{};
  event.conn.sock = sock;
  event.conn.inode = inode;
  return event;
}

const LoopCause kRequest{.kind = Kind::kRead, .connection = 3, .exchange = 9};

class LoopCausesTest : public testing::Test {
 protected:
  void Read(uint32_t turn) { causes_.OnRead(Data(DIRECTION_RX, LOOP_EVIDENCE(LOOP_READ, turn)), kRequest); }
  Kind KindOf(const event_data& event, const LoopCause& connected = {}) { return causes_.Of(event, connected).kind; }

  LoopCauses causes_{2, 2};
};

TEST_F(LoopCausesTest, TheLastReadIsTheCauseWhileTheProgramsSaySo) {
  Read(5);
  EXPECT_EQ(causes_.Of(Data(DIRECTION_TX, LOOP_EVIDENCE(LOOP_READ, 5)), {}), kRequest);
  EXPECT_EQ(KindOf(Data(DIRECTION_TX, LOOP_EVIDENCE(LOOP_TIMER, 5))), Kind::kTimer);
  EXPECT_EQ(KindOf(Data(DIRECTION_TX, LOOP_EVIDENCE(LOOP_WAITED, 5))), Kind::kWaited);
  EXPECT_EQ(KindOf(Data(DIRECTION_TX, LOOP_EVIDENCE(LOOP_POOL, 5))), Kind::kPool);
  EXPECT_EQ(KindOf(Data(DIRECTION_TX, LOOP_EVIDENCE(LOOP_OTHER, 5))), Kind::kOther);
  EXPECT_EQ(KindOf(Data(DIRECTION_TX, LOOP_EVIDENCE(LOOP_DEFERRED, 5))), Kind::kDeferred);
  EXPECT_EQ(KindOf(Data(DIRECTION_TX, LOOP_EVIDENCE(99, 5))), Kind::kDeferred);
}

TEST_F(LoopCausesTest, AStreamsCauseIsTheReadItBeganWithHoweverLongAgo) {
  const LoopCause later{.kind = Kind::kRead, .connection = 4, .exchange = 10};
  causes_.OnRead(Data(DIRECTION_RX, LOOP_EVIDENCE(LOOP_STREAM, 5)), kRequest);
  causes_.OnRead(Data(DIRECTION_RX, LOOP_EVIDENCE(LOOP_STREAM, 6)), later);
  EXPECT_EQ(causes_.Of(Data(DIRECTION_TX, LOOP_EVIDENCE(LOOP_STREAM, 5)), {}), kRequest);
  EXPECT_EQ(causes_.Of(Data(DIRECTION_TX, LOOP_EVIDENCE(LOOP_STREAM, 6)), {}), later);
  causes_.OnConnect(Connect(0x10, 1, LOOP_EVIDENCE(LOOP_STREAM, 5)));
  EXPECT_EQ(causes_.TakeConnect(Open(0x10, 1)), kRequest);
}

TEST_F(LoopCausesTest, OldStreamsAreForgotten) {
  EXPECT_EQ(KindOf(Data(DIRECTION_TX, LOOP_EVIDENCE(LOOP_STREAM, 5))), Kind::kLost);
  for (uint32_t turn = 1; turn <= 20'000; ++turn) {
    causes_.OnRead(Data(DIRECTION_RX, LOOP_EVIDENCE(LOOP_STREAM, turn)), kRequest);
  }
  EXPECT_EQ(KindOf(Data(DIRECTION_TX, LOOP_EVIDENCE(LOOP_STREAM, 1))), Kind::kLost);
  EXPECT_EQ(KindOf(Data(DIRECTION_TX, LOOP_EVIDENCE(LOOP_STREAM, 20'000))), Kind::kRead);
  EXPECT_EQ(KindOf(Data(DIRECTION_TX, LOOP_EVIDENCE(LOOP_STREAM, 20'000), 7, 71)), Kind::kLost);
  EXPECT_EQ(KindOf(Data(DIRECTION_TX, LOOP_EVIDENCE(LOOP_STREAM, 20'000), 8)), Kind::kLost);
}

TEST_F(LoopCausesTest, AReadThatWasNotSeenIsLost) {
  EXPECT_EQ(KindOf(Data(DIRECTION_TX, LOOP_EVIDENCE(LOOP_READ, 1))), Kind::kLost);
  Read(5);
  EXPECT_EQ(KindOf(Data(DIRECTION_TX, LOOP_EVIDENCE(LOOP_READ, 6))), Kind::kLost);
}

TEST_F(LoopCausesTest, AnotherThreadWithTheSameNumberHasReadNothing) {
  Read(5);
  EXPECT_EQ(KindOf(Data(DIRECTION_TX, LOOP_EVIDENCE(LOOP_READ, 5), 7, 71)), Kind::kLost);
}

TEST_F(LoopCausesTest, ReadsInALaterPhaseAreNoCauses) {
  Read(5);
  causes_.OnRead(Data(DIRECTION_RX, LOOP_EVIDENCE(LOOP_DEFERRED, 6)), kRequest);
  EXPECT_EQ(KindOf(Data(DIRECTION_TX, LOOP_EVIDENCE(LOOP_READ, 6))), Kind::kLost);
}

TEST_F(LoopCausesTest, AThreadThatRunsNoKnownLoopHasNone) {
  event_data event = Data(DIRECTION_TX, LOOP_EVIDENCE(LOOP_READ, 5));
  event.evidence_type = EVIDENCE_NONE;
  EXPECT_EQ(causes_.Of(event, {}), LoopCause{});
}

TEST_F(LoopCausesTest, FirstBytesOfAConnectionAreCausedByWhatConnectedIt) {
  Read(5);
  causes_.OnConnect(Connect(0x10, 1, LOOP_EVIDENCE(LOOP_READ, 5)));
  Read(6);
  const LoopCause connected = causes_.TakeConnect(Open(0x10, 1));
  EXPECT_EQ(connected, kRequest);
  event_data event = Data(DIRECTION_TX, LOOP_EVIDENCE(LOOP_CONNECTED, 6));
  EXPECT_EQ(causes_.Of(event, connected), kRequest);
  event.offset = 100;  // a later request: asked for its error again
  EXPECT_EQ(KindOf(event, connected), Kind::kDeferred);
}

TEST_F(LoopCausesTest, AConnectThatWasNotSeenIsLost) {
  Read(5);
  causes_.OnConnect(Connect(0x10, 1, LOOP_EVIDENCE(LOOP_READ, 5)));
  EXPECT_EQ(causes_.TakeConnect(Open(0x10, 2)).kind, Kind::kLost);  // the address again, another socket
  EXPECT_EQ(causes_.TakeConnect(Open(0x10, 1)).kind, Kind::kLost);
}

TEST_F(LoopCausesTest, FullTablesForget) {
  Read(5);
  for (uint32_t tid : {8U, 9U}) causes_.OnRead(Data(DIRECTION_RX, LOOP_EVIDENCE(LOOP_READ, 1), tid), kRequest);
  EXPECT_EQ(KindOf(Data(DIRECTION_TX, LOOP_EVIDENCE(LOOP_READ, 5))), Kind::kLost);
  EXPECT_EQ(KindOf(Data(DIRECTION_TX, LOOP_EVIDENCE(LOOP_READ, 1), 9)), Kind::kRead);
  for (uint64_t sock : {1U, 2U, 3U}) causes_.OnConnect(Connect(sock, 1, LOOP_EVIDENCE(LOOP_TIMER, 1)));
  EXPECT_EQ(causes_.TakeConnect(Open(1, 1)).kind, Kind::kLost);
  EXPECT_EQ(causes_.TakeConnect(Open(3, 1)).kind, Kind::kTimer);
}

}  // namespace
}  // namespace tracelet::conn
