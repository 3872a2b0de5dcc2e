#include "agent/conn/conn_tracker.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "tests/support/scenes.h"

namespace tracelet::conn {
namespace {

using protocol::Outcome;
using testing::End;
using testing::Scene;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class ConnTrackerTest : public ::testing::Test, public ConnectionSink {
 protected:
  void OnRequest(const ConnectionInfo& connection, Direction, const protocol::Exchange&) override {
    requests_.push_back(connection);
  }
  void OnOpenEndedResponse(const ConnectionInfo&, const protocol::Exchange&) override {}
  void OnExchange(const ConnectionInfo&, Direction, protocol::Exchange&& exchange) override {
    exchanges_.push_back(std::move(exchange));
  }

  std::pair<End*, End*> Connected(uint32_t flags = 0) {
    auto ends = scene_.Connect(front_, back_, flags);
    ends.second->Open();
    return ends;
  }
  // Plays what the scene has gained; the ledger must hold after each event.
  void Play() {
    for (; played_ < scene_.events.size(); ++played_) {
      tracker_.OnEvent(scene_.events[played_].header());
      ASSERT_EQ(tracker_.ledger().used + tracker_.ledger().ignored.Total(), played_ + 1);
    }
  }
  void OutliveLinger() { tracker_.OnWatermark(scene_.now() + 2 * ConnTracker::kLingerNs); }
  [[nodiscard]] uint64_t Ignored(IgnoreReason reason) const { return tracker_.ledger().ignored[reason]; }

  static config::Config Config() {
    config::Config config;
    config.conn.max_connections = 4;
    return config;
  }

  Scene scene_;
  testing::Thread& front_ = scene_.Process(100, "front");
  testing::Thread& back_ = scene_.Process(200, "back");
  std::vector<conn_id> told_;
  ConnTracker tracker_{Config(), *this, [this](const conn_id& id, bool) { told_.push_back(id); }};
  size_t played_ = 0;
  std::vector<ConnectionInfo> requests_;
  std::vector<protocol::Exchange> exchanges_;
};

TEST_F(ConnTrackerTest, TellsTheSourceOnceWhatIsNotHttp) {
  auto [client, server] = Connected();
  server->Receive("\x16\x03\x01\x02");
  server->Send("\x16\x03\x03");
  server->Receive("more");
  Play();
  ASSERT_EQ(told_.size(), 1U);
  EXPECT_EQ(told_[0].sock, server->id.sock);
  EXPECT_EQ(Ignored(IgnoreReason::kNotHttp), 3U);
}

TEST_F(ConnTrackerTest, CountsWhatHasNoConnection) {
  auto [client, server] = scene_.Connect(front_, back_);
  server->Receive(kGet);  // its OPEN was lost
  server->Done();
  Play();
  EXPECT_EQ(Ignored(IgnoreReason::kNoConnection), 2U);
}

TEST_F(ConnTrackerTest, CountsPeeksAndDuplicates) {
  auto [client, server] = Connected();
  server->Open();
  server->Peek();
  server->Receive(kGet);
  scene_.events.push_back(scene_.events.back());
  Play();
  EXPECT_EQ(Ignored(IgnoreReason::kPeek), 1U);
  EXPECT_EQ(Ignored(IgnoreReason::kDuplicate), 2U);
}

TEST_F(ConnTrackerTest, AdoptedInTheMiddleOfABodyWaitsForAHead) {
  auto [client, server] = Connected(CONN_ADOPTED);
  server->offset[DIRECTION_RX] = 7777;
  server->Receive("<the rest of an upload>");
  server->Send("\x01\x02 of something else");
  EXPECT_TRUE(told_.empty());
  server->Receive(kGet);
  server->Send(kOk);
  server->Receive(kGet);
  server->Send(kOk);
  Play();
  EXPECT_TRUE(told_.empty());
  ASSERT_FALSE(exchanges_.empty());
  EXPECT_EQ(exchanges_.back().status, 200);
  EXPECT_EQ(exchanges_.back().outcome, Outcome::kComplete);
}

TEST_F(ConnTrackerTest, AdoptedWithoutAHeadGivesUp) {
  auto [client, server] = Connected(CONN_ADOPTED);
  for (int i = 0; i < ConnTracker::kMaxTurnsAdopted; ++i) {
    server->Receive("\x01");
    server->Send("\x02");
  }
  Play();
  EXPECT_EQ(told_.size(), 1U);
}

TEST_F(ConnTrackerTest, EvictsTheConnectionUnusedForLongest) {
  auto [old_client, old] = Connected();
  old->Receive(kGet);
  std::vector<End*> others;
  for (int i = 0; i < 4; ++i) others.push_back(Connected().second);
  old->Send(kOk);
  Play();
  EXPECT_EQ(tracker_.evicted(), 1U);
  EXPECT_EQ(tracker_.size(), 4U);
  ASSERT_EQ(exchanges_.size(), 1U);
  EXPECT_EQ(exchanges_[0].outcome, Outcome::kLost);
  EXPECT_EQ(Ignored(IgnoreReason::kNoConnection), 1U);
}

TEST_F(ConnTrackerTest, AClosedConnectionLingersWhileARequestIsOpen) {
  auto [client, server] = scene_.Connect(front_, back_);
  client->Open();
  client->Send(kGet);
  client->Done(ECONNRESET);
  Play();
  EXPECT_EQ(tracker_.size(), 1U);
  EXPECT_TRUE(exchanges_.empty());
  OutliveLinger();
  EXPECT_EQ(tracker_.size(), 0U);
  ASSERT_EQ(exchanges_.size(), 1U);
  EXPECT_EQ(exchanges_[0].outcome, Outcome::kReset);
}

// The kernel hears of an RST while the call that wrote the response is still in it.
TEST_F(ConnTrackerTest, AResponseIsToldAfterTheResetThatFollowedIt) {
  auto [client, server] = Connected();
  server->Receive(kGet);
  server->Done(ECONNRESET);
  server->Fail(ECONNRESET);  // another thread reads
  server->Send(kOk);
  Play();
  ASSERT_EQ(exchanges_.size(), 1U);
  EXPECT_EQ(exchanges_[0].outcome, Outcome::kComplete);
  EXPECT_EQ(exchanges_[0].status, 200);
}

TEST_F(ConnTrackerTest, TheHeadOfAResponseIsToldAfterTheResetThatCutItsBody) {
  auto [client, server] = Connected();
  server->Receive(kGet);
  server->Done(ECONNRESET);
  server->Send(kOk.substr(0, kOk.size() - 1));
  Play();
  EXPECT_TRUE(exchanges_.empty());
  OutliveLinger();
  ASSERT_EQ(exchanges_.size(), 1U);
  EXPECT_EQ(exchanges_[0].outcome, Outcome::kReset);
  EXPECT_EQ(exchanges_[0].status, 200);
  EXPECT_EQ(tracker_.size(), 0U);
}

// The programs count an operation before its event is stamped.
TEST_F(ConnTrackerTest, AResetMayCountWhatIsToldBehindIt) {
  auto [client, server] = Connected();
  server->Receive(kGet);
  server->Send(kOk);
  server->Done(ECONNRESET);
  std::swap(scene_.events[scene_.events.size() - 2], scene_.events.back());
  Play();
  ASSERT_EQ(exchanges_.size(), 1U);
  EXPECT_EQ(exchanges_[0].outcome, Outcome::kComplete);
  EXPECT_EQ(Ignored(IgnoreReason::kDuplicate), 0U);
}

TEST_F(ConnTrackerTest, WhatAResetCountedAndNeverCameIsALoss) {
  auto [client, server] = Connected();
  server->Receive(kGet);
  server->Send(kOk);
  scene_.LoseLast();
  server->Done(ECONNRESET);
  Play();
  EXPECT_TRUE(exchanges_.empty());
  OutliveLinger();
  ASSERT_EQ(exchanges_.size(), 1U);
  EXPECT_EQ(exchanges_[0].outcome, Outcome::kLost);
}

TEST_F(ConnTrackerTest, ARequestIsToldAfterTheResetThatFollowedIt) {
  auto [client, server] = Connected();
  server->Done(ECONNRESET);
  server->Receive(kGet);
  Play();
  EXPECT_EQ(requests_.size(), 1U);
  EXPECT_TRUE(exchanges_.empty());
  OutliveLinger();
  ASSERT_EQ(exchanges_.size(), 1U);
  EXPECT_EQ(exchanges_[0].outcome, Outcome::kReset);
  EXPECT_EQ(exchanges_[0].status, 0);
  EXPECT_EQ(tracker_.size(), 0U);
}

TEST_F(ConnTrackerTest, AConnectionThatIsResetAtRestGoesAfterAWhile) {
  auto [client, server] = Connected();
  server->Receive(kGet);
  server->Send(kOk);
  server->Done(ECONNRESET);
  Play();
  EXPECT_EQ(exchanges_.size(), 1U);
  EXPECT_EQ(tracker_.size(), 1U);
  OutliveLinger();
  EXPECT_EQ(exchanges_.size(), 1U);
  EXPECT_EQ(tracker_.size(), 0U);
}

TEST_F(ConnTrackerTest, ACloseThatMovedMoreThanWasSeenIsALoss) {
  auto [client, server] = Connected();
  server->Receive(kGet);
  server->Send(kOk);
  scene_.LoseLast();
  server->LocalFin();
  Play();
  ASSERT_EQ(exchanges_.size(), 1U);
  EXPECT_EQ(exchanges_[0].outcome, Outcome::kLost);
}

TEST_F(ConnTrackerTest, AProcessThatExitsEndsItsUnixSockets) {
  auto [client, server] = scene_.ConnectUnix(front_, back_, std::string("\0abstract", 9));
  server->Open();
  server->Receive(kGet);
  Play();
  ASSERT_EQ(requests_.size(), 1U);
  EXPECT_EQ(requests_[0].peer_inode, client->id.inode);
  scene_.Exit(front_);
  Play();
  EXPECT_TRUE(exchanges_.empty());
  scene_.Exit(back_);
  Play();
  ASSERT_EQ(exchanges_.size(), 1U);
  EXPECT_EQ(exchanges_[0].outcome, Outcome::kNoResponse);
}

TEST_F(ConnTrackerTest, AResponseOfUnknownLengthIsOverWhenItPauses) {
  auto [client, server] = Connected();
  server->Receive(kGet);
  server->Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  server->Send("2\r\nok\r\n0\r\n\r\n", 0);
  Play();
  tracker_.OnWatermark(scene_.now() + 900'000'000);
  EXPECT_TRUE(exchanges_.empty());
  server->Send("2\r\nok\r\n0\r\n\r\n", 0);
  scene_.events.back().header().time_ns += 800'000'000;
  Play();
  tracker_.OnWatermark(scene_.now() + 1'500'000'000);
  EXPECT_TRUE(exchanges_.empty());
  tracker_.OnWatermark(scene_.now() + 1'900'000'000);
  ASSERT_EQ(exchanges_.size(), 1U);
  EXPECT_TRUE(exchanges_[0].end_unseen);
}

TEST_F(ConnTrackerTest, LostEventsOfAThreadAreCounted) {
  ThreadLosses losses(2);
  const auto event = [](uint32_t tid, uint32_t attempts, uint32_t start = 1) {
    event_data data = {};
    data.header.tid = tid;
    data.header.thread_start = start;
    data.attempts = attempts;
    return data;
  };
  const uint32_t first = losses.Update(event(1, 5));
  EXPECT_EQ(losses.Update(event(1, 6)), first);
  EXPECT_EQ(losses.Update(event(1, 9)), first + 2);
  losses.Update(event(2, 1));
  losses.Update(event(3, 1));  // no room: all are forgotten
  EXPECT_NE(losses.Update(event(1, 10)), first + 2);
  EXPECT_NE(losses.Update(event(1, 0)), losses.Update(event(1, 0)));
}

TEST_F(ConnTrackerTest, PlaintextBeginsAConnectionAnewAndItsCiphertextIsIgnored) {
  auto [client, server] = Connected();
  server->Receive("\x16\x03\x01\x02\x00 hello");  // before the library was seen at work
  server->offset[DIRECTION_RX] = server->offset[DIRECTION_TX] = 0;
  server->record[DIRECTION_RX] = 500;
  server->Receive(kGet, std::string_view::npos, DATA_PLAINTEXT);
  server->Receive("\x17\x03\x03");
  server->offset[DIRECTION_RX] -= 3;
  server->Send(kOk, std::string_view::npos, DATA_PLAINTEXT);
  server->EndOfFile();
  Play();
  ASSERT_EQ(exchanges_.size(), 1U);
  EXPECT_EQ(exchanges_[0].target, "/a");
  EXPECT_EQ(exchanges_[0].outcome, Outcome::kComplete);
  EXPECT_TRUE(requests_[0].endpoints->encrypted);
  EXPECT_FALSE(requests_[0].events_lost);
  EXPECT_EQ(requests_[0].records->Find(Direction::kReceive, 0), 500U);
  EXPECT_EQ(Ignored(IgnoreReason::kCiphertext), 1U);
}

TEST_F(ConnTrackerTest, PlaintextOfASessionThatIsOlderThanTheProbesMayBeginAnywhere) {
  auto [client, server] = Connected();
  server->offset[DIRECTION_RX] = server->offset[DIRECTION_TX] = PLAINTEXT_JOINED;
  server->Send("the rest of a body", std::string_view::npos, DATA_PLAINTEXT);
  server->record[DIRECTION_RX] = RECORD_UNKNOWN;
  server->Receive(kGet, std::string_view::npos, DATA_PLAINTEXT);
  server->Send(kOk, std::string_view::npos, DATA_PLAINTEXT);
  Play();
  ASSERT_EQ(exchanges_.size(), 1U);
  EXPECT_EQ(exchanges_[0].outcome, Outcome::kComplete);
  EXPECT_FALSE(requests_[0].records->Find(Direction::kReceive, PLAINTEXT_JOINED).has_value());
}

TEST(RecordPositionsTest, AreThoseOfTheFirstRecordOfAnOperation) {
  RecordPositions positions;
  positions.Note(Direction::kSend, 0, 100, 700);
  positions.Note(Direction::kSend, 100, 20'000, 700);  // the same operation, in two events
  positions.Note(Direction::kSend, 20'100, 10, 800);
  EXPECT_EQ(positions.Find(Direction::kSend, 99), 799U);
  EXPECT_EQ(positions.Find(Direction::kSend, 100), 800U);
  EXPECT_FALSE(positions.Find(Direction::kSend, RECORD_MAX).has_value());  // in another record
  EXPECT_EQ(positions.Find(Direction::kSend, 20'109), 20'909U);
  EXPECT_FALSE(positions.Find(Direction::kSend, 20'110).has_value());
  EXPECT_FALSE(positions.Find(Direction::kReceive, 0).has_value());
}

}  // namespace
}  // namespace tracelet::conn
