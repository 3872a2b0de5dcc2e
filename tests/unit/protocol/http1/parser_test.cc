#include "agent/protocol/http1/parser.h"

#include <gtest/gtest.h>

#include "agent/protocol/http1/http1.h"

namespace tracelet::protocol::http1 {
namespace {

using conn::Direction;

// Plays both directions of one connection into a parser; keeps what comes out.
class Wire : public ExchangeSink {
 public:
  explicit Wire(ParserOptions options = {}) : options_(options), parser_(*this, options_) {}

  void OnRequest(Direction, const Exchange& exchange) override { requests.push_back(exchange); }
  void OnOpenEndedResponse(Direction, const Exchange&) override { ++open_ended; }
  void OnExchange(Direction, Exchange&& exchange) override { exchanges.push_back(std::move(exchange)); }

  // One system call; `captured` bytes of it are visible.
  bool Move(Direction direction, std::string_view bytes, size_t captured = std::string_view::npos, uint32_t tid = 7) {
    uint64_t& next = next_[static_cast<size_t>(direction)];
    conn::Operation operation;
    operation.time_ns = ++now_;
    operation.tid = tid;
    const conn::Chunk chunk{next, static_cast<uint32_t>(bytes.size()), bytes.substr(0, captured), operation};
    next += bytes.size();
    return parser_.OnChunk(direction, chunk);
  }
  bool Request(std::string_view bytes, size_t captured = std::string_view::npos, uint32_t tid = 7) {
    return Move(Direction::kReceive, bytes, captured, tid);
  }
  bool Response(std::string_view bytes, size_t captured = std::string_view::npos, uint32_t tid = 7) {
    return Move(Direction::kSend, bytes, captured, tid);
  }
  // A system call whose event was lost.
  void Lose(Direction direction, std::string_view bytes) {
    uint64_t& next = next_[static_cast<size_t>(direction)];
    next += bytes.size();
  }
  void Gap(Direction direction) { parser_.OnGap(direction, next_[static_cast<size_t>(direction)]); }
  void End(Direction direction) { parser_.OnEnd(direction, ++now_); }
  void Close(int error = 0) { parser_.OnClose(++now_, error); }
  Parser& parser() { return parser_; }
  uint64_t now() const { return now_; }

  std::vector<Exchange> requests;
  int open_ended = 0;
  std::vector<Exchange> exchanges;

 private:
  ParserOptions options_;
  Parser parser_;
  uint64_t now_ = 1000;
  uint64_t next_[2] = {};
};

ParserOptions Server() { return ParserOptions{.requests = Direction::kReceive}; }

constexpr std::string_view kGet = "GET /a?x=1 HTTP/1.1\r\nHost: example.org\r\nUser-Agent: test/1\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

TEST(Http1Parser, PairsARequestWithItsResponse) {
  Wire wire(Server());
  wire.Request(kGet);
  ASSERT_EQ(wire.requests.size(), 1U);
  EXPECT_TRUE(wire.parser().Busy());
  wire.Response(kOk);
  ASSERT_EQ(wire.exchanges.size(), 1U);
  const Exchange& exchange = wire.exchanges[0];
  EXPECT_EQ(exchange.outcome, Outcome::kComplete);
  EXPECT_EQ(exchange.method, "GET");
  EXPECT_EQ(exchange.target, "/a?x=1");
  EXPECT_EQ(exchange.version, "1.1");
  EXPECT_EQ(exchange.host, "example.org");
  EXPECT_EQ(exchange.user_agent, "test/1");
  EXPECT_EQ(exchange.status, 200);
  EXPECT_EQ(exchange.request.begin, 0U);
  EXPECT_EQ(exchange.request.end, kGet.size());
  EXPECT_EQ(exchange.response.end, kOk.size());
  EXPECT_EQ(exchange.response.body_bytes, 5U);
  EXPECT_TRUE(exchange.response.body_exact);
  EXPECT_FALSE(wire.parser().Busy());
}

TEST(Http1Parser, KeepAliveCountsOffsets) {
  Wire wire(Server());
  for (int i = 0; i < 3; ++i) {
    wire.Request(kGet);
    wire.Response(kOk);
  }
  ASSERT_EQ(wire.exchanges.size(), 3U);
  EXPECT_EQ(wire.exchanges[2].request.begin, 2 * kGet.size());
  EXPECT_EQ(wire.exchanges[2].response.begin, 2 * kOk.size());
}

TEST(Http1Parser, HeadMayComeByteByByte) {
  Wire wire(Server());
  for (char c : kGet) wire.Request(std::string_view(&c, 1));
  for (char c : kOk) wire.Response(std::string_view(&c, 1));
  ASSERT_EQ(wire.exchanges.size(), 1U);
  EXPECT_EQ(wire.exchanges[0].target, "/a?x=1");
  EXPECT_EQ(wire.exchanges[0].request.begin, 0U);
  EXPECT_EQ(wire.exchanges[0].response.begin, 0U);
  EXPECT_EQ(wire.exchanges[0].response.last_byte_ns, wire.now());
}

TEST(Http1Parser, UncapturedBodiesEndByOffset) {
  Wire wire(Server());
  wire.Request("POST /up HTTP/1.1\r\nContent-Length: 60\r\n\r\n");
  wire.Request("GET /fake HTTP/1.1\r\nHost: x\r\n\r\n", 0);  // 31 bytes
  wire.Request("GET /fake HTTP/1.1\r\nHost:xx\r\n", 0);      // 29 bytes
  wire.Response("HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\n");
  wire.Response("abc", 0);
  ASSERT_EQ(wire.exchanges.size(), 1U);
  EXPECT_EQ(wire.exchanges[0].status, 201);
  EXPECT_EQ(wire.exchanges[0].request.body_bytes, 60U);
  EXPECT_TRUE(wire.exchanges[0].request.complete);
  wire.Request(kGet);
  wire.Response(kOk);
  ASSERT_EQ(wire.exchanges.size(), 2U);
  EXPECT_EQ(wire.exchanges[1].target, "/a?x=1");
}

TEST(Http1Parser, InterimResponsesAreNotTheAnswer) {
  Wire wire(Server());
  wire.Request("POST /up HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  wire.Response("HTTP/1.1 100 Continue\r\n\r\n");
  wire.Request("abc");
  wire.Response("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  ASSERT_EQ(wire.exchanges.size(), 1U);
  EXPECT_EQ(wire.exchanges[0].status, 200);
}

TEST(Http1Parser, HeadAndNoContentHaveNoBody) {
  Wire wire(Server());
  wire.Request("HEAD / HTTP/1.1\r\n\r\n");
  wire.Response("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n");
  wire.Request(kGet);
  wire.Response("HTTP/1.1 204 No Content\r\n\r\n");
  wire.Request(kGet);
  wire.Response("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n");
  ASSERT_EQ(wire.exchanges.size(), 3U);
  EXPECT_EQ(wire.exchanges[2].status, 304);
}

TEST(Http1Parser, ReadsVisibleChunks) {
  Wire wire(Server());
  wire.Request("POST / HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\nContent-Length: 4\r\n\r\n");
  wire.Request("5;ext=\"1\"\r\nhello\r\n0\r\nTrailer: x\r\n\r\n");
  wire.Response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  EXPECT_TRUE(wire.exchanges.empty());
  wire.Response("0\r\n\r\n");
  ASSERT_EQ(wire.exchanges.size(), 1U);
  EXPECT_EQ(wire.exchanges[0].request.body_bytes, 5U);
  EXPECT_EQ(wire.exchanges[0].response.body_bytes, 3U);
  EXPECT_TRUE(wire.exchanges[0].response.body_exact);
}

TEST(Http1Parser, InvisibleChunkedResponseEndsWhereTheNextBegins) {
  Wire wire(Server());
  wire.Request(kGet);
  wire.Response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  wire.Response("3\r\nabc\r\n", 0);
  wire.Response("0\r\n\r\n", 0);
  const uint64_t last = wire.now();
  EXPECT_TRUE(wire.parser().AwaitsQuiet());
  wire.Request("GET /b HTTP/1.1\r\n\r\n");
  wire.Response(kOk);
  ASSERT_EQ(wire.exchanges.size(), 2U);
  EXPECT_EQ(wire.exchanges[0].outcome, Outcome::kComplete);
  EXPECT_EQ(wire.exchanges[0].response.last_byte_ns, last);
  EXPECT_FALSE(wire.exchanges[0].response.body_exact);
  EXPECT_FALSE(wire.exchanges[0].end_unseen);
  EXPECT_EQ(wire.exchanges[1].target, "/b");
}

TEST(Http1Parser, InvisibleChunkedResponseEndsWhenItPauses) {
  Wire wire(Server());
  wire.Request(kGet);
  wire.Response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  wire.Response("3\r\nabc\r\n0\r\n\r\n", 0);
  wire.parser().OnQuiet();
  ASSERT_EQ(wire.exchanges.size(), 1U);
  EXPECT_TRUE(wire.exchanges[0].end_unseen);
  wire.Request("GET /b HTTP/1.1\r\n\r\n");
  wire.Response(kOk);
  ASSERT_EQ(wire.exchanges.size(), 2U);
  EXPECT_EQ(wire.exchanges[1].target, "/b");
  EXPECT_EQ(wire.exchanges[1].outcome, Outcome::kComplete);
}

TEST(Http1Parser, PipelinedRequestsAreAnsweredInOrder) {
  Wire wire(Server());
  wire.Request("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n");
  wire.Response("HTTP/1.1 201 A\r\nContent-Length: 0\r\n\r\nHTTP/1.1 202 B\r\nContent-Length: 1\r\n\r\nx");
  wire.Response("HTTP/1.1 203 C\r\nContent-Length: 0\r\n\r\n");
  ASSERT_EQ(wire.exchanges.size(), 3U);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(wire.exchanges[i].status, 201 + i);
    EXPECT_EQ(wire.exchanges[i].target, "/" + std::to_string(i + 1));
  }
}

TEST(Http1Parser, PipelinedResponsesBehindAnInvisibleBodyAreLostNotMixed) {
  Wire wire(Server());
  wire.Request("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n");
  wire.Response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  wire.Response("3\r\nabc\r\n0\r\n\r\n", 0);
  wire.Response("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", 0);
  wire.Request("GET /3 HTTP/1.1\r\n\r\n");
  wire.Response("HTTP/1.1 203 C\r\nContent-Length: 0\r\n\r\n");
  wire.Close();
  ASSERT_GE(wire.exchanges.size(), 2U);
  EXPECT_EQ(wire.exchanges[0].outcome, Outcome::kLost);
  EXPECT_EQ(wire.exchanges[0].status, 200);
  EXPECT_EQ(wire.exchanges[1].outcome, Outcome::kLost);
  EXPECT_EQ(wire.exchanges[1].status, 0);
}

TEST(Http1Parser, ReadsUntilClose) {
  Wire wire(Server());
  wire.Request("GET / HTTP/1.0\r\n\r\n");
  wire.Response("HTTP/1.0 200 OK\r\n\r\nsome");
  wire.Response("more", 0);
  wire.End(Direction::kSend);
  ASSERT_EQ(wire.exchanges.size(), 1U);
  EXPECT_EQ(wire.exchanges[0].outcome, Outcome::kComplete);
  EXPECT_EQ(wire.exchanges[0].response.body_bytes, 8U);
  EXPECT_EQ(wire.exchanges[0].version, "1.0");
}

TEST(Http1Parser, WebSocketEndsWithTheConnection) {
  Wire wire(Server());
  wire.Request("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  wire.Response("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
  wire.Request("GET /no HTTP/1.1\r\n\r\n");
  wire.Response("\x81\x05hello");
  EXPECT_TRUE(wire.exchanges.empty());
  wire.Close();
  ASSERT_EQ(wire.exchanges.size(), 1U);
  EXPECT_EQ(wire.exchanges[0].outcome, Outcome::kUpgraded);
  EXPECT_EQ(wire.exchanges[0].status, 101);
  EXPECT_EQ(wire.exchanges[0].ended_ns, wire.now());
}

TEST(Http1Parser, ConnectIsATunnelOnlyWhenGranted) {
  Wire wire(Server());
  wire.Request("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n");
  wire.Response("HTTP/1.1 407 Auth\r\nContent-Length: 2\r\n\r\nno");
  wire.Request("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n");
  wire.Response("HTTP/1.1 200 Yes\r\nContent-Length: 2\r\n\r\n");
  wire.Request("\x16\x03\x01");
  wire.Close();
  ASSERT_EQ(wire.exchanges.size(), 2U);
  EXPECT_EQ(wire.exchanges[0].status, 407);
  EXPECT_EQ(wire.exchanges[0].outcome, Outcome::kComplete);
  EXPECT_EQ(wire.exchanges[1].outcome, Outcome::kUpgraded);
  EXPECT_EQ(wire.exchanges[1].target, "example.org:443");
}

TEST(Http1Parser, ResponseBeforeTheEndOfItsRequest) {
  Wire wire(Server());
  wire.Request("POST /big HTTP/1.1\r\nContent-Length: 10\r\n\r\n12345");
  wire.Response("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
  const uint64_t answered = wire.now();
  EXPECT_TRUE(wire.exchanges.empty());
  wire.Request("67890");
  ASSERT_EQ(wire.exchanges.size(), 1U);
  EXPECT_EQ(wire.exchanges[0].outcome, Outcome::kComplete);
  EXPECT_EQ(wire.exchanges[0].response.last_byte_ns, answered);
  wire.Request(kGet);
  wire.Response(kOk);
  EXPECT_EQ(wire.exchanges.size(), 2U);
}

TEST(Http1Parser, AnswerSeenBeforeItsRequestOnAClient) {
  Wire wire(ParserOptions{.requests = Direction::kSend});
  wire.Move(Direction::kReceive, kOk);  // read by one thread ...
  EXPECT_TRUE(wire.exchanges.empty());
  wire.Move(Direction::kSend, kGet);  // ... before the write returned in another
  ASSERT_EQ(wire.exchanges.size(), 1U);
  EXPECT_EQ(wire.exchanges[0].status, 200);
  EXPECT_EQ(wire.exchanges[0].outcome, Outcome::kComplete);
}

TEST(Http1Parser, EndsOfConnections) {
  struct Case {
    const char* name;
    void (*play)(Wire&);
    Outcome outcome;
  };
  const Case kCases[] = {
      {"client gone",
       [](Wire& w) {
         w.End(Direction::kReceive);
         w.Close();
       },
       Outcome::kAborted},
      {"server gone", [](Wire& w) { w.End(Direction::kSend); }, Outcome::kNoResponse},
      {"server closes", [](Wire& w) { w.Close(); }, Outcome::kNoResponse},
      {"reset", [](Wire& w) { w.Close(104); }, Outcome::kReset},
      {"half a response",
       [](Wire& w) {
         w.Response(kOk.substr(0, 40));
         w.End(Direction::kSend);
       },
       Outcome::kIncomplete},
      {"half a head",
       [](Wire& w) {
         w.Response(kOk.substr(0, 20));
         w.End(Direction::kSend);
       },
       Outcome::kIncomplete},
      {"half closed",
       [](Wire& w) {
         w.End(Direction::kReceive);
         w.Response(kOk);
       },
       Outcome::kComplete},
      {"client gone in body",
       [](Wire& w) {
         w.Response(kOk.substr(0, 40));
         w.End(Direction::kReceive);
         w.Close();
       },
       Outcome::kAborted},
      {"reset in body",
       [](Wire& w) {
         w.Response(kOk.substr(0, 40));
         w.Close(104);
       },
       Outcome::kReset},
  };
  for (const Case& one : kCases) {
    SCOPED_TRACE(one.name);
    Wire wire(Server());
    wire.Request(kGet);
    one.play(wire);
    ASSERT_EQ(wire.exchanges.size(), 1U);
    EXPECT_EQ(wire.exchanges[0].outcome, one.outcome);
  }
}

TEST(Http1Parser, HeadLongerThanTheCap) {
  Wire wire(Server());
  const std::string head = "GET /long HTTP/1.1\r\nHost: h\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n";
  wire.Request(head.substr(0, 16'000));
  wire.Request(head.substr(16'000), 384);
  ASSERT_EQ(wire.requests.size(), 1U);
  EXPECT_TRUE(wire.requests[0].head_truncated);
  EXPECT_EQ(wire.requests[0].host, "h");
  wire.Response(kOk);
  ASSERT_EQ(wire.exchanges.size(), 1U);
  EXPECT_EQ(wire.exchanges[0].status, 200);
  wire.Request(kGet);
  wire.Response(kOk);
  ASSERT_EQ(wire.exchanges.size(), 2U);
  EXPECT_EQ(wire.exchanges[1].target, "/a?x=1");
}

TEST(Http1Parser, OddButLegalHeads) {
  Wire wire(Server());
  wire.Request("\r\n\r\nM-SEARCH * HTTP/1.1\nHOST : a\nX-Folded: 1\n  2\nContent-Length: 3, 3\n\nabc");
  wire.Response("HTTP/1.1 200\r\nContent-Length:0\r\n\r\n");
  wire.Request("GET http://h:80/p?q HTTP/1.1\r\nHost: h\r\ntraceparent: t\r\n folded\r\nCookie: secret\r\n\r\n");
  wire.Response("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  ASSERT_EQ(wire.exchanges.size(), 2U);
  EXPECT_EQ(wire.exchanges[0].method, "M-SEARCH");
  EXPECT_EQ(wire.exchanges[0].target, "*");
  EXPECT_EQ(wire.exchanges[0].request.body_bytes, 3U);
  EXPECT_EQ(wire.exchanges[0].request.begin, 4U);
  EXPECT_EQ(wire.exchanges[1].target, "http://h:80/p?q");
  ASSERT_EQ(wire.exchanges[1].propagation.size(), 1U);
  EXPECT_EQ(wire.exchanges[1].propagation[0].first, "traceparent");
}

TEST(Http1Parser, ConflictingLengthsAreNotBelieved) {
  Wire wire(Server());
  wire.Request("POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!");
  wire.Response("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  wire.Close();
  ASSERT_EQ(wire.exchanges.size(), 1U);
  EXPECT_EQ(wire.exchanges[0].status, 400);
  EXPECT_FALSE(wire.exchanges[0].request.body_exact);
}

TEST(Http1Parser, OtherProtocolsAreRefused) {
  for (std::string_view bytes : {"\x16\x03\x01\x02", "*1\r\n$4\r\nPING\r\n", "PING\r\n", "PRI * HTTP/2.0\r\n\r\n",
                                 "220 mail ESMTP\r\n", "SSH-2.0-OpenSSH\r\n", "GET / RTSP/1.0\r\n\r\n"}) {
    SCOPED_TRACE(bytes);
    Wire wire(Server());
    wire.Request(bytes);
    EXPECT_TRUE(wire.parser().NotMine());
    EXPECT_FALSE(Http1().looks_like(bytes));
  }
}

TEST(Http1Parser, ResynchronisesAfterALostRequest) {
  Wire wire(Server());
  wire.Request(kGet);
  wire.Response(kOk);
  wire.Lose(Direction::kReceive, "GET /lost HTTP/1.1\r\n\r\n");
  EXPECT_FALSE(wire.Response("HTTP/1.1 500 Lost\r\nContent-Length: 0\r\n\r\n"));
  wire.Gap(Direction::kReceive);
  EXPECT_FALSE(wire.Request("GET /beside-the-gap HTTP/1.1\r\n\r\n"));
  wire.Response("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  wire.Request("GET /next HTTP/1.1\r\n\r\n");
  wire.Response(kOk);
  ASSERT_EQ(wire.exchanges.size(), 2U);
  EXPECT_EQ(wire.exchanges[1].target, "/next");
  EXPECT_EQ(wire.exchanges[1].status, 200);
  EXPECT_EQ(wire.exchanges[1].outcome, Outcome::kComplete);
  EXPECT_TRUE(wire.exchanges[1].resynchronised);
  EXPECT_FALSE(wire.exchanges[0].resynchronised);
}

TEST(Http1Parser, ABodyWhoseHeadWasLostIsNoRequest) {
  Wire wire(Server());
  wire.Request(kGet);
  wire.Response(kOk);
  wire.Lose(Direction::kReceive, "POST /upload HTTP/1.1\r\nContent-Length: 23\r\n\r\n");
  wire.Gap(Direction::kReceive);
  wire.Request("GET /admin HTTP/1.1\r\n\r\n");
  wire.Response(kOk);
  EXPECT_EQ(wire.requests.size(), 1U);
}

TEST(Http1Parser, AStatusLineInABodyOfUnknownLengthAnswersNobody) {
  for (bool client : {false, true}) {
    Wire wire(ParserOptions{.requests = client ? Direction::kSend : Direction::kReceive});
    const auto request = client ? Direction::kSend : Direction::kReceive;
    const auto response = client ? Direction::kReceive : Direction::kSend;
    wire.Move(request, kGet);
    wire.Move(response, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    wire.Move(response, "1c\r\n", 0);
    EXPECT_EQ(wire.open_ended, 1);
    wire.Move(response, "HTTP/1.1 599 Not a head\r\n\r\n\r\n");
    wire.Move(response, "0\r\n\r\n", 0);
    for (int i = 0; i < 12; ++i) {
      wire.Move(request, "GET /b HTTP/1.1\r\n\r\n");
      wire.Move(response, kOk);
    }
    for (const Exchange& exchange : wire.exchanges) EXPECT_TRUE(exchange.status == 200 || exchange.status == 0);
    EXPECT_EQ(wire.exchanges.back().status, 200);
  }
}

TEST(Http1Parser, ResynchronisesAfterALostResponse) {
  Wire wire(Server());
  wire.Request("GET /1 HTTP/1.1\r\n\r\n");
  wire.Lose(Direction::kSend, kOk);
  wire.Request("GET /2 HTTP/1.1\r\n\r\n");
  wire.Gap(Direction::kSend);
  wire.Response("HTTP/1.1 202 B\r\nContent-Length: 0\r\n\r\n");
  wire.Request("GET /3 HTTP/1.1\r\n\r\n");
  wire.Response("HTTP/1.1 203 C\r\nContent-Length: 0\r\n\r\n");
  ASSERT_EQ(wire.exchanges.size(), 3U);
  EXPECT_EQ(wire.exchanges[0].outcome, Outcome::kLost);
  EXPECT_EQ(wire.exchanges[1].outcome, Outcome::kLost);
  EXPECT_EQ(wire.exchanges[1].status, 0);
  EXPECT_EQ(wire.exchanges[2].status, 203);
  EXPECT_TRUE(wire.exchanges[2].resynchronised);
}

TEST(Http1Parser, LossInsideABodyOfKnownLengthHarmsNothing) {
  Wire wire(Server());
  wire.Request(kGet);
  wire.Response("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
  wire.Lose(Direction::kSend, "01234");
  wire.Gap(Direction::kSend);
  wire.Response("56789");
  ASSERT_EQ(wire.exchanges.size(), 1U);
  EXPECT_EQ(wire.exchanges[0].outcome, Outcome::kComplete);
  EXPECT_EQ(wire.exchanges[0].response.body_bytes, 10U);
}

TEST(Http1Parser, AdoptedConnectionStartsAtARequest) {
  Wire wire(ParserOptions{.joined = Joined::kIdle});
  wire.Move(Direction::kSend, kGet);
  wire.Move(Direction::kReceive, kOk);
  ASSERT_EQ(wire.exchanges.size(), 1U);
  EXPECT_EQ(wire.exchanges[0].status, 200);
  EXPECT_FALSE(wire.exchanges[0].resynchronised);
}

TEST(Http1Parser, AdoptedConnectionIgnoresTheAnswerToWhatItDidNotSee) {
  Wire wire(ParserOptions{.joined = Joined::kIdle});
  wire.Move(Direction::kReceive, "HTTP/1.1 500 Old\r\nContent-Length: 0\r\n\r\n");
  wire.Move(Direction::kSend, kGet);
  wire.Move(Direction::kReceive, kOk);
  ASSERT_EQ(wire.exchanges.size(), 1U);
  EXPECT_EQ(wire.exchanges[0].status, 200);
}

TEST(Http1Parser, RecognisesGrpcWebAndConnect) {
  Wire wire(Server());
  wire.Request(
      "POST /shop.Orders/Get HTTP/1.1\r\nHost: x\r\nContent-Type: application/grpc-web+proto\r\n"
      "grpc-timeout: 2S\r\nContent-Length: 0\r\n\r\n");
  wire.Response("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nGrpc-Status: 5\r\n\r\n");
  wire.Request(
      "POST /shop.Orders/Get HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
      "Connect-Protocol-Version: 1\r\nConnect-Timeout-Ms: 250\r\nContent-Length: 0\r\n\r\n");
  wire.Response(kOk);
  wire.Request("POST /x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n");
  wire.Response(kOk);
  ASSERT_EQ(wire.exchanges.size(), 3U);
  ASSERT_TRUE(wire.exchanges[0].rpc);
  EXPECT_EQ(wire.exchanges[0].rpc->system, grpc::System::kGrpcWeb);
  EXPECT_EQ(wire.exchanges[0].rpc->status, 5);
  EXPECT_EQ(wire.exchanges[0].rpc->deadline_ns, 2'000'000'000U);
  ASSERT_TRUE(wire.exchanges[1].rpc);
  EXPECT_EQ(wire.exchanges[1].rpc->system, grpc::System::kConnect);
  EXPECT_EQ(wire.exchanges[1].rpc->deadline_ns, 250'000'000U);
  EXPECT_FALSE(wire.exchanges[2].rpc);
}

}  // namespace
}  // namespace tracelet::protocol::http1
