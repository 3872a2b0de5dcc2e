#include "agent/protocol/http2/parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

#include "agent/protocol/http2/http2.h"
#include "tests/unit/protocol/http2/wire.h"

namespace tracelet::protocol::http2 {
namespace {

const Fields kOk = {{":status", "200"}, {"content-type", "text/plain"}};
const Fields kCallOk = {{":status", "200"}, {"content-type", "application/grpc"}};
const Fields kTrailersOk = {{"grpc-status", "0"}, {"grpc-message", ""}};

std::string Data(uint32_t id, std::string_view bytes, bool last = false) {
  return Http2Frame(kData, last ? kEndStream : 0, id, bytes);
}

TEST(Http2Parser, PairsARequestWithItsResponse) {
  Wire wire;
  wire.Open();
  const uint64_t begin = wire.next[0];
  wire.Request(wire.client.Headers(1, GetFields("/a?x=1"), true));
  ASSERT_EQ(wire.requests.size(), 1U);
  EXPECT_TRUE(wire.parser.Busy());
  wire.Response(wire.server.Headers(1, kOk) + Data(1, std::string(1000, 'b'), true));
  ASSERT_EQ(wire.exchanges.size(), 1U);
  const Exchange& exchange = wire.exchanges[0];
  EXPECT_EQ(exchange.outcome, Outcome::kComplete);
  EXPECT_EQ(exchange.method, "GET");
  EXPECT_EQ(exchange.target, "/a?x=1");
  EXPECT_EQ(exchange.host, "shop:8080");
  EXPECT_EQ(exchange.version, "2");
  EXPECT_EQ(exchange.status, 200);
  EXPECT_EQ(exchange.stream_id, 1U);
  EXPECT_EQ(exchange.request.begin, begin);
  EXPECT_EQ(exchange.response.body_bytes, 1000U);
  EXPECT_TRUE(exchange.response.body_exact);
  EXPECT_EQ(exchange.unknown, "");
  EXPECT_FALSE(exchange.rpc);
  EXPECT_FALSE(wire.parser.Busy());
}

TEST(Http2Parser, ReadsFramesThatAreCutEverywhere) {
  Wire whole;
  std::string up = std::string(kClientPreface) + testing::Http2Settings(1, 4096);
  std::string down = testing::Http2Settings(3, 100);
  for (uint32_t id = 1; id < 12; id += 2) {
    up += whole.client.Scattered(id, GetFields("/path/" + std::to_string(id)));
    up += Http2Frame(kData, kPadded | kEndStream, id, std::string("\x03") + "body" + std::string(3, '\0'));
    down += Http2Frame(kPing, 0, 0, "12345678") + whole.server.Headers(id, {{":status", "103"}, {"link", "x"}});
    down += whole.server.Scattered(id, kOk) + Data(id, "hello") + whole.server.Headers(id, {{"x", "trailer"}}, true);
  }
  for (size_t step : {1, 2, 3, 5, 7, 11, 64, 1000}) {
    Wire wire;
    for (size_t at = 0; at < up.size(); at += step)
      wire.Event(Direction::kReceive, std::string_view(up).substr(at, step));
    for (size_t at = 0; at < down.size(); at += step)
      wire.Event(Direction::kSend, std::string_view(down).substr(at, step));
    ASSERT_EQ(wire.exchanges.size(), 6U) << step;
    for (size_t i = 0; i < 6; ++i) {
      EXPECT_EQ(wire.exchanges[i].target, "/path/" + std::to_string(2 * i + 1));
      EXPECT_EQ(wire.exchanges[i].request.body_bytes, 4U);
      EXPECT_EQ(wire.exchanges[i].status, 200);
      EXPECT_EQ(wire.exchanges[i].response.body_bytes, 5U);
      EXPECT_EQ(wire.exchanges[i].outcome, Outcome::kComplete);
    }
  }
}

TEST(Http2Parser, InterleavesHundredsOfStreams) {
  Wire wire;
  wire.Open();
  constexpr uint32_t kStreams = 500;
  std::string up;
  for (uint32_t i = 0; i < kStreams; ++i)
    up += wire.client.Headers(2 * i + 1, GetFields("/" + std::to_string(i)), true);
  wire.Request(up);
  ASSERT_EQ(wire.requests.size(), kStreams);
  std::string down;
  for (uint32_t i = kStreams; i-- > 0;) {
    down += wire.server.Headers(2 * i + 1, {{":status", std::to_string(200 + i)}});
  }
  for (uint32_t i = 0; i < kStreams; ++i) down += Data(2 * i + 1, std::string(i, 'x'), true);
  wire.Response(down);
  ASSERT_EQ(wire.exchanges.size(), kStreams);
  for (const Exchange& exchange : wire.exchanges) {
    const int index = std::stoi(exchange.target.substr(1));
    EXPECT_EQ(exchange.status, 200 + index);
    EXPECT_EQ(exchange.response.body_bytes, static_cast<uint64_t>(index));
  }
}

TEST(Http2Parser, CountsStreamsThatAreTooMany) {
  Wire wire({.requests = Direction::kReceive, .max_streams = 3});
  wire.Open();
  for (uint32_t id = 1; id < 12; id += 2) wire.Request(wire.client.Headers(id, GetFields("/x"), true));
  EXPECT_EQ(wire.requests.size(), 3U);
  EXPECT_EQ(wire.unfollowed, 3);
  for (uint32_t id = 1; id < 12; id += 2) wire.Response(wire.server.Headers(id, kOk, true));
  EXPECT_EQ(wire.exchanges.size(), 3U);
  wire.Request(wire.client.Headers(13, GetFields("/y"), true));
  wire.Response(wire.server.Headers(13, kOk, true));
  EXPECT_EQ(wire.exchanges.back().target, "/y");
}

TEST(Http2Parser, FollowsTheTableSize) {
  Wire wire;
  wire.Open();
  uint32_t id = 1;
  for (size_t size : {4096, 0, 100, 65'536, 300}) {
    wire.client.ChangeTableSize(size);
    for (int i = 0; i < 20; ++i, id += 2) {
      Fields fields = GetFields("/size/" + std::to_string(size) + "/" + std::to_string(i % 3));
      fields.emplace_back("x-filler", std::string(60, static_cast<char>('a' + i)));
      wire.Request(wire.client.Headers(id, fields, true));
      ASSERT_EQ(wire.requests.back().target, fields[2].second);
      ASSERT_EQ(wire.requests.back().unknown, "");
      wire.Response(wire.server.Headers(id, kOk, true));
    }
  }
  EXPECT_EQ(wire.exchanges.size(), 100U);
}

std::string Promise(Wire& wire, uint32_t stream, uint8_t promised, const std::string& path, bool padded = false) {
  const std::string id = std::string(3, '\0') + static_cast<char>(promised);
  const std::string block = wire.server.Block(GetFields(path));
  if (!padded) return Http2Frame(kPushPromise, kEndHeaders, stream, id + block);
  return Http2Frame(kPushPromise, kEndHeaders | kPadded, stream, "\5" + id + block + std::string(5, '\0'));
}

TEST(Http2Parser, TellsPushedResponses) {
  Wire wire;
  wire.Open();
  wire.Request(wire.client.Headers(1, GetFields("/"), true));
  const uint64_t begin = wire.next[1];
  wire.Response(Promise(wire, 1, 2, "/pushed") + Promise(wire, 1, 4, "/refused", true));
  ASSERT_EQ(wire.requests.size(), 3U);
  EXPECT_EQ(wire.requests[1].request.begin, begin);
  EXPECT_EQ(wire.requests[1].pushed_with, wire.requests[0].id);
  wire.Response(wire.server.Headers(2, {{":status", "200"}, {"x-new", "inserted"}}) + Data(2, "hello", true));
  wire.Request(testing::Http2Reset(4, 8));
  wire.Response(wire.server.Headers(1, {{":status", "404"}, {"x-new", "inserted"}}, true));
  ASSERT_EQ(wire.exchanges.size(), 3U);
  EXPECT_EQ(wire.exchanges[0].target, "/pushed");
  EXPECT_TRUE(wire.exchanges[0].pushed);
  EXPECT_EQ(wire.exchanges[0].stream_id, 2U);
  EXPECT_EQ(wire.exchanges[0].status, 200);
  EXPECT_EQ(wire.exchanges[0].response.body_bytes, 5U);
  EXPECT_EQ(wire.exchanges[0].outcome, Outcome::kComplete);
  EXPECT_EQ(wire.exchanges[1].target, "/refused");
  EXPECT_EQ(wire.exchanges[1].outcome, Outcome::kAborted);
  EXPECT_EQ(wire.exchanges[2].target, "/");
  EXPECT_FALSE(wire.exchanges[2].pushed);
  EXPECT_EQ(wire.exchanges[2].status, 404);
  EXPECT_FALSE(wire.parser.Busy());
}

// What no server may send: a client's promise, one of an odd stream, one twice; a response that nobody promised.
TEST(Http2Parser, BelievesNoPromiseThatNobodyMayMake) {
  Wire wire;
  wire.Open();
  wire.Request(wire.client.Headers(1, GetFields("/"), true));
  wire.Response(Promise(wire, 1, 3, "/odd") + Promise(wire, 1, 6, "/once") + Promise(wire, 1, 6, "/twice") +
                Promise(wire, 1, 2, "/late") + wire.server.Headers(8, kOk, true));
  EXPECT_EQ(wire.requests.size(), 2U);
  wire.Response(testing::Http2Goaway(0, 0));  // says nothing of what the server promised
  wire.Response(wire.server.Headers(6, kOk, true));
  ASSERT_EQ(wire.exchanges.size(), 2U);
  EXPECT_EQ(wire.exchanges[1].target, "/once");
  EXPECT_EQ(wire.exchanges[1].status, 200);
}

TEST(Http2Parser, TellsResetsByWhoSentThem) {
  Wire wire;
  wire.Open();
  for (uint32_t id : {1U, 3U, 5U}) wire.Request(wire.client.Headers(id, GetFields("/x")));
  wire.Request(testing::Http2Reset(1, 8));
  wire.Response(testing::Http2Reset(3, 7));
  wire.Response(testing::Http2Goaway(3, 0));
  ASSERT_EQ(wire.exchanges.size(), 3U);
  EXPECT_EQ(wire.exchanges[0].outcome, Outcome::kAborted);
  EXPECT_EQ(wire.exchanges[1].outcome, Outcome::kReset);
  EXPECT_EQ(wire.exchanges[2].outcome, Outcome::kNoResponse);
  EXPECT_GT(wire.exchanges[0].ended_ns, 0U);
}

TEST(Http2Parser, WaitsForARequestThatIsStampedLate) {
  Wire wire({.requests = Direction::kSend});
  wire.Event(Direction::kSend, std::string(kClientPreface) + testing::Http2Settings(3, 100), -1, true);
  wire.Receive(testing::Http2Settings(3, 100));
  wire.Receive(wire.server.Headers(1, kOk) + Data(1, "hello", true));
  EXPECT_TRUE(wire.exchanges.empty());
  wire.Move(Direction::kSend, wire.client.Headers(1, GetFields("/late"), true));
  ASSERT_EQ(wire.exchanges.size(), 1U);
  EXPECT_EQ(wire.exchanges[0].target, "/late");
  EXPECT_EQ(wire.exchanges[0].status, 200);
}

TEST(Http2Parser, EndsWhatIsOpenWhenTheConnectionEnds) {
  for (const int error : {0, 104}) {
    Wire wire;
    wire.Open();
    wire.Request(wire.client.Headers(1, GetFields("/1"), true) + wire.client.Headers(3, GetFields("/3"), true));
    wire.Response(wire.server.Headers(3, kOk));
    wire.parser.OnEnd(Direction::kSend, wire.now);
    wire.parser.OnClose(++wire.now, error);
    ASSERT_EQ(wire.exchanges.size(), 2U);
    EXPECT_EQ(wire.exchanges[0].outcome, error != 0 ? Outcome::kReset : Outcome::kNoResponse);
    EXPECT_EQ(wire.exchanges[1].outcome, error != 0 ? Outcome::kReset : Outcome::kIncomplete);
    EXPECT_EQ(wire.exchanges[1].status, 200);
  }
}

TEST(Http2Parser, RefusesWhatIsNotHttp2) {
  for (const std::string_view bytes : {"PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n", "PRIVMSG #channel :hello\r\n\r\n\r\n"}) {
    Wire wire;
    wire.Event(Direction::kReceive, bytes);
    EXPECT_TRUE(wire.parser.NotMine()) << bytes;
  }
  EXPECT_FALSE(Http2().looks_like("POST / HTTP/1.1\r\n"));
  EXPECT_FALSE(Http2().looks_like(std::string_view("\0\0\0\0\0\0\0\0\1\0\0\0\4data", 16)));  // yamux
  EXPECT_TRUE(Http2().looks_like(testing::Http2Settings(3, 100)));
}

// --- gRPC

TEST(Http2Parser, CountsTheMessagesOfACall) {
  Wire wire;
  wire.Open();
  wire.Request(wire.client.Headers(1, CallFields("/shop.Orders/Watch")) + Data(1, GrpcMessage(3), true));
  wire.Response(wire.server.Headers(1, kCallOk));
  for (size_t size : {0, 11, 5000}) wire.Response(Data(1, GrpcMessage(size)));
  wire.Response(wire.server.Headers(1, kTrailersOk, true));
  ASSERT_EQ(wire.exchanges.size(), 1U);
  const Exchange& exchange = wire.exchanges[0];
  ASSERT_TRUE(exchange.rpc);
  EXPECT_EQ(exchange.rpc->status, 0);
  EXPECT_EQ(exchange.rpc->sent->count, 1U);
  EXPECT_EQ(exchange.rpc->sent->bytes, 3U);
  EXPECT_EQ(exchange.rpc->received->count, 3U);
  EXPECT_EQ(exchange.rpc->received->bytes, 5011U);
  EXPECT_TRUE(exchange.rpc->received->exact);
  EXPECT_EQ(exchange.rpc->received->last.bytes, 5000U);
}

constexpr uint64_t kSecond = 1'000'000'000;

TEST(Http2Parser, NotesHowFarALongCallIsEachTimeThatItIsTwiceAsOld) {
  Wire wire({.requests = Direction::kReceive, .progress_ns = 10 * kSecond});
  wire.Open();
  wire.Request(wire.client.Headers(1, CallFields("/shop.Orders/Watch")) + Data(1, GrpcMessage(3)));
  const uint64_t begin = wire.now;
  wire.Response(wire.server.Headers(1, kCallOk) + Data(1, GrpcMessage(3)));
  size_t seen = 0;
  wire.parser.ForEachOpen([&](const OpenExchange& open) {
    ++seen;
    EXPECT_EQ(open.exchange.target, "/shop.Orders/Watch");
    EXPECT_EQ(open.direction, Direction::kReceive);
    EXPECT_EQ(open.sent->count, 1U);
    EXPECT_EQ(open.received->count, 1U);
  });
  EXPECT_EQ(seen, 1U);
  for (const uint64_t second : {5, 12, 15, 300}) {  // 20, 40, 80, 160 pass in silence
    wire.now = begin + second * kSecond;
    wire.Response(Data(1, GrpcMessage(second)));
  }
  wire.now = begin + 700 * kSecond;
  wire.Response(wire.server.Headers(1, kTrailersOk, true));
  wire.Request(Data(1, "", true));
  ASSERT_EQ(wire.exchanges.size(), 1U);
  const uint64_t began = wire.exchanges[0].request.first.time_ns;
  std::vector<std::array<uint64_t, 3>> told;
  for (const grpc::Progress& progress : wire.exchanges[0].rpc->progress) {
    told.push_back({(progress.time_ns - began) / kSecond, progress.sent.count, progress.received.count});
  }
  const std::vector<std::array<uint64_t, 3>> expected = {{10, 1, 2}, {20, 1, 4}, {320, 1, 5}};
  EXPECT_EQ(told, expected);
  EXPECT_EQ(wire.exchanges[0].rpc->received->count, 5U);
  wire.parser.ForEachOpen([](const OpenExchange&) { FAIL(); });
}

TEST(Http2Parser, DoesNotCountMessagesWhosePrefixWasNotCaptured) {
  Wire wire;
  wire.Open();
  wire.Request(wire.client.Headers(1, CallFields("/shop.Orders/Put")) +
               Data(1, GrpcMessage(30) + GrpcMessage(2), true));
  wire.Response(wire.server.Headers(1, kCallOk) + wire.server.Headers(1, kTrailersOk, true));
  ASSERT_EQ(wire.exchanges.size(), 1U);
  EXPECT_FALSE(wire.exchanges[0].rpc->sent->exact);
  EXPECT_EQ(wire.exchanges[0].request.body_bytes, 42U);
  EXPECT_TRUE(wire.exchanges[0].rpc->received->exact);
}

TEST(Http2Parser, TakesTheStatusFromTrailersOnly) {
  Wire wire;
  wire.Open();
  Fields fields = CallFields("/shop.Orders/Get");
  fields.emplace_back("grpc-timeout", "250m");
  wire.Request(wire.client.Headers(1, fields, true));
  wire.Response(
      wire.server.Headers(1, {{":status", "200"}, {"content-type", "application/grpc"}, {"grpc-status", "5"}}, true));
  ASSERT_EQ(wire.exchanges.size(), 1U);
  EXPECT_EQ(wire.exchanges[0].rpc->status, 5);
  EXPECT_EQ(wire.exchanges[0].rpc->deadline_ns, 250'000'000U);
}

TEST(Http2Parser, TellsACancelledCallFromOneThatWasTooSlow) {
  for (const bool slow : {false, true}) {
    Wire wire;
    wire.Open();
    Fields fields = CallFields("/shop.Orders/Get");
    fields.emplace_back("grpc-timeout", "100m");
    wire.Request(wire.client.Headers(1, fields, true));
    wire.now += slow ? 100'000'000 : 50'000'000;
    wire.Request(testing::Http2Reset(1, 8));
    ASSERT_EQ(wire.exchanges.size(), 1U);
    EXPECT_EQ(wire.exchanges[0].rpc->status, slow ? grpc::kDeadlineExceeded : grpc::kCancelled);
    EXPECT_TRUE(wire.exchanges[0].rpc->status_from_reset);
  }
}

// --- lost events, connections joined in the middle

TEST(Http2Parser, KeepsAStreamWhoseDataWasLost) {
  Wire wire;
  wire.Open();
  wire.Request(wire.client.Headers(1, CallFields("/shop.Orders/Put")));
  const std::string data = Data(1, GrpcMessage(1000));
  wire.Event(Direction::kReceive, data.substr(0, 500), 25, true);
  wire.Lose(Direction::kReceive, data.substr(500));
  wire.Request(Data(1, GrpcMessage(4), true));
  wire.Response(wire.server.Headers(1, kCallOk) + wire.server.Headers(1, kTrailersOk, true));
  ASSERT_EQ(wire.exchanges.size(), 1U);
  EXPECT_EQ(wire.exchanges[0].outcome, Outcome::kComplete);
  EXPECT_EQ(wire.exchanges[0].rpc->status, 0);
  EXPECT_FALSE(wire.exchanges[0].rpc->sent->exact);
  EXPECT_FALSE(wire.exchanges[0].request.body_exact);
}

TEST(Http2Parser, EndsStreamsWhoseEndWasLost) {
  Wire wire;
  wire.Open();
  wire.Request(wire.client.Headers(1, GetFields("/1"), true) + wire.client.Headers(3, GetFields("/3"), true));
  wire.Lose(Direction::kSend, wire.server.Headers(1, kOk, true));
  wire.Response(wire.server.Headers(3, kOk, true));
  ASSERT_EQ(wire.exchanges.size(), 1U);
  EXPECT_EQ(wire.exchanges[0].target, "/3");
  EXPECT_EQ(wire.exchanges[0].status, 200);
  wire.now += 2'000'000'000;
  wire.Request(wire.client.Headers(5, GetFields("/5"), true));
  ASSERT_EQ(wire.exchanges.size(), 2U);
  EXPECT_EQ(wire.exchanges[1].target, "/1");
  EXPECT_EQ(wire.exchanges[1].outcome, Outcome::kLost);
  EXPECT_EQ(wire.exchanges[1].status, 0);
}

// One direction is understood before the other one: what is asked meanwhile may be answered unseen.
TEST(Http2Parser, EndsStreamsThatWereAnsweredBeforeTheResponsesWereUnderstood) {
  for (const bool reported : {true, false}) {  // what a TLS library was reading when it was probed is not
    Wire wire({.joined = Joined::kMiddle, .requests = Direction::kSend});
    wire.Move(Direction::kSend, wire.client.Headers(3, GetFields("/3"), true));
    const std::string unseen = wire.server.Headers(3, kOk, true);
    if (reported) wire.Event(Direction::kReceive, unseen, 0);
    wire.Move(Direction::kSend, wire.client.Headers(5, GetFields("/5"), true));
    wire.Receive(wire.server.Headers(5, kOk, true));
    ASSERT_EQ(wire.exchanges.size(), 1U);
    EXPECT_EQ(wire.exchanges[0].target, "/5");
    EXPECT_EQ(wire.exchanges[0].outcome, Outcome::kComplete);
    EXPECT_TRUE(wire.parser.AwaitsQuiet());
    wire.parser.OnQuiet();
    ASSERT_EQ(wire.exchanges.size(), 2U);
    EXPECT_EQ(wire.exchanges[1].target, "/3");
    EXPECT_EQ(wire.exchanges[1].outcome, Outcome::kLost);
  }
}

// An upgrade's frames are followed from the preface on: nothing went by unseen.
TEST(Http2Parser, LosesNothingOfAConnectionThatIsSeenFromItsPrefaceOn) {
  Wire wire({.joined = Joined::kMiddle, .requests = Direction::kReceive});
  wire.Request(std::string(kClientPreface) + testing::Http2Settings(3, 100) +
               wire.client.Headers(1, GetFields("/1"), true));
  wire.Response(testing::Http2Settings(1, 4096) + wire.server.Headers(1, kOk) + Data(1, "hello", true));
  ASSERT_EQ(wire.exchanges.size(), 1U);
  EXPECT_TRUE(wire.exchanges[0].response.body_exact);
  EXPECT_FALSE(wire.parser.AwaitsQuiet());
}

// A literal with incremental indexing and an indexed name (RFC 7541 §6.2.1): ":path".
std::string IndexedPath(std::string_view path) {
  return "\x44" + std::string(1, static_cast<char>(path.size())) + std::string(path);
}
constexpr std::string_view kPost = "\x83\x86";  // :method POST, :scheme http

std::string RequestBlock(uint32_t id, std::string_view block) {
  return Http2Frame(kHeaders, kEndHeaders | kEndStream, id, std::string(kPost) + std::string(block));
}

// What was inserted before is unknown, never guessed; what comes after is exact.
TEST(Http2Parser, KnowsOnlyWhatWasInsertedSinceItJoined) {
  Wire wire({.joined = Joined::kMiddle, .requests = Direction::kReceive});
  wire.server.Headers(1, kCallOk);
  wire.Request(RequestBlock(3, "\xbe"));  // index 62: the newest entry
  wire.Response(wire.server.Headers(3, kCallOk) + wire.server.Headers(3, kTrailersOk, true));
  wire.Request(RequestBlock(5, IndexedPath("/shop.Orders/New")));
  wire.Response(wire.server.Headers(5, kCallOk) + wire.server.Headers(5, kTrailersOk, true));
  wire.Request(RequestBlock(7, "\xbe"));
  wire.Request(RequestBlock(9, "\xbf"));
  // A literal with the name of an entry that is not known, inserted: its value must not be taken for a path.
  wire.Request(RequestBlock(11, std::string("\x7f\x00\x02/x", 5)));
  wire.Request(RequestBlock(13, "\xbf"));
  ASSERT_EQ(wire.requests.size(), 6U);
  EXPECT_EQ(wire.requests[0].method, "POST");
  EXPECT_EQ(wire.requests[0].target, "");
  EXPECT_EQ(wire.requests[1].target, "/shop.Orders/New");
  EXPECT_EQ(wire.requests[2].target, "/shop.Orders/New");
  EXPECT_EQ(wire.requests[3].target, "");
  EXPECT_EQ(wire.requests[4].target, "");
  EXPECT_EQ(wire.requests[5].target, "/shop.Orders/New");
  ASSERT_EQ(wire.exchanges.size(), 2U);
  EXPECT_EQ(wire.exchanges[0].unknown, "path,request_fields,response_fields");
  EXPECT_EQ(wire.exchanges[0].status, 200);
  ASSERT_TRUE(wire.exchanges[0].rpc);  // the trailers say so
  EXPECT_EQ(wire.exchanges[0].rpc->status, 0);
  EXPECT_EQ(wire.exchanges[1].unknown, "response_fields");
}

// A server resets what it answered before the request had ended. The trailers said 5, in a field that is not known.
TEST(Http2Parser, AResetAfterTrailersIsNoStatus) {
  const Fields failed = {{":status", "200"}, {"content-type", "application/grpc"}, {"grpc-status", "5"}};
  Wire wire({.joined = Joined::kMiddle, .requests = Direction::kReceive});
  wire.server.Headers(1, failed, true);
  wire.Request(wire.client.Headers(3, CallFields("/shop.Orders/Get")));
  wire.Response(wire.server.Headers(3, failed, true) + testing::Http2Reset(3, 0));
  ASSERT_EQ(wire.exchanges.size(), 1U);
  EXPECT_EQ(wire.exchanges[0].outcome, Outcome::kComplete);
  EXPECT_EQ(wire.exchanges[0].unknown, "response_fields");
  ASSERT_TRUE(wire.exchanges[0].rpc);
  EXPECT_EQ(wire.exchanges[0].rpc->status, std::nullopt);
  EXPECT_FALSE(wire.exchanges[0].rpc->status_from_reset);
}

TEST(Http2Parser, ForgetsTheTableAfterALostEvent) {
  Wire wire;
  wire.Open();
  wire.Request(RequestBlock(1, IndexedPath("/a")));
  wire.Response(wire.server.Headers(1, kOk, true));
  wire.Lose(Direction::kReceive, RequestBlock(3, IndexedPath("/b")));
  wire.Response(wire.server.Headers(3, kOk, true));
  wire.Request(RequestBlock(5, "\xbe") + RequestBlock(7, IndexedPath("/c")) + RequestBlock(9, "\xbe"));
  wire.Response(wire.server.Headers(5, kOk, true) + wire.server.Headers(7, kOk, true) +
                wire.server.Headers(9, kOk, true));
  ASSERT_EQ(wire.exchanges.size(), 4U);
  EXPECT_EQ(wire.exchanges[1].target, "");
  EXPECT_EQ(wire.exchanges[1].unknown, "path,request_fields");
  EXPECT_EQ(wire.exchanges[2].target, "/c");
  EXPECT_EQ(wire.exchanges[3].target, "/c");
}

TEST(Http2Parser, LearnsTheRolesOfAConnectionJoinedInTheMiddle) {
  for (const bool request_first : {true, false}) {
    Wire wire({.joined = Joined::kMiddle});
    if (!request_first) wire.Response(wire.server.Headers(1, kOk, true));
    wire.Request(wire.client.Headers(3, GetFields("/x"), true));
    wire.Response(wire.server.Headers(3, kOk, true));
    ASSERT_EQ(wire.exchanges.size(), 1U);
    EXPECT_EQ(wire.exchanges[0].target, "/x");
  }
}

// Random tables, joined at a random place: a field is right or unknown.
TEST(Http2Parser, NeverGuessesAField) {
  std::mt19937 random(7);
  size_t known = 0;
  size_t unknown = 0;
  for (int round = 0; round < 200; ++round) {
    Wire wire({.joined = Joined::kMiddle, .requests = Direction::kReceive});
    wire.client.ChangeTableSize(std::vector<size_t>{4096, 256, 65'536, 1000}[random() % 4]);
    const auto joined = static_cast<uint32_t>(1 + 2 * (random() % 200));
    for (uint32_t id = 1; id < 600; id += 2) {
      const std::string path = "/" + std::to_string(random() % 150);
      Fields fields = GetFields(path);
      fields.emplace_back("user-agent", "agent-" + path.substr(1));
      if (random() % 4 == 0) fields.emplace_back("x-" + std::to_string(random() % 99), std::string(random() % 90, 'v'));
      const std::string frame = wire.client.Headers(id, fields, true);
      if (id < joined) continue;
      const size_t before = wire.requests.size();
      if (random() % 50 == 0) {
        wire.Lose(Direction::kReceive, frame);
        continue;
      }
      wire.Request(frame);
      if (wire.requests.size() == before) continue;
      const Exchange& exchange = wire.requests.back();
      ASSERT_EQ(exchange.stream_id, id);
      ASSERT_THAT(exchange.target, ::testing::AnyOf("", path));
      ASSERT_THAT(exchange.user_agent, ::testing::AnyOf("", "agent-" + path.substr(1)));
      ++(exchange.user_agent.empty() ? unknown : known);
      wire.Response(wire.server.Headers(id, kOk, true));
    }
  }
  EXPECT_GT(known, 20'000U);
  EXPECT_GT(unknown, 1'000U);
}

}  // namespace
}  // namespace tracelet::protocol::http2
