#include "agent/span/rules/sdk.h"

#include <gtest/gtest.h>

#include <deque>

#include "tests/unit/span/stitch_bench.h"

namespace tracelet::span {
namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kUnix = 1'700'000'000'000'000'000;
constexpr uint32_t kPid = 10;

class SdkRuleTest : public testing::Test, public SpanSink, public SdkInbox {
 protected:
  struct Released {
    bool yes = false;
    std::vector<SdkJoin> joins;
  };
  struct Batch : SdkBatch {
    Batch(uint32_t from, std::vector<SdkSpan> sent, Released& to) : pid_(from), spans_(std::move(sent)), released(to) {}
    [[nodiscard]] uint32_t pid() const override { return pid_; }
    [[nodiscard]] const std::vector<SdkSpan>& spans() const override { return spans_; }
    void Release(const std::vector<SdkJoin>& joins) override {
      EXPECT_FALSE(released.yes);
      released = {true, joins};
    }
    uint32_t pid_;
    std::vector<SdkSpan> spans_;
    Released& released;
  };

  SdkRuleTest() : stitcher_({}, kKey, *this, Outside{.sdk = this}) {
    Send({});  // the process is known from now on
    Pass(20);
  }
  void OnSpan(std::shared_ptr<const Span> span) override {
    spans_[std::get<int64_t>(span->attributes.at(0).value)] = *span;
  }
  void OnWatermark(uint64_t) override {}
  std::vector<std::unique_ptr<SdkBatch>> TakeSdkBatches() override { return std::exchange(inbox_, {}); }

  Released& Send(std::vector<SdkSpan> sent, uint32_t pid = kPid) {
    inbox_.push_back(std::make_unique<Batch>(pid, std::move(sent), released_.emplace_back()));
    return released_.back();
  }
  RequestStart Start(Kind kind, uint32_t tid, uint16_t port) {
    RequestStart start;
    start.kind = kind;
    start.first.time_ns = now_ns_;
    start.first.process = {.tgid = kPid, .start_ns = 1};
    start.first.tid = tid;
    start.first.waits_known = start.first.thread_born = start.first.blocking = true;
    start.connection = port;
    start.name = MessageName{.client_base = ++names_, .server_base = 9, .offset = 0};
    auto endpoints = std::make_shared<conn::Endpoints>();
    endpoints->remote_address = "127.0.0.1";
    endpoints->remote_port = port;
    start.endpoints = endpoints;
    start.method = "GET";
    return start;
  }
  int64_t Begin(RequestStart start) {
    stitcher_.OnRequestStart(++handle_, std::move(start));
    return static_cast<int64_t>(handle_);
  }
  void End(int64_t handle) {
    auto span = std::make_unique<HandleSpan>(handle);
    span->end_unix_ns = kUnix + now_ns_;
    stitcher_.OnRequestEnd(static_cast<uint64_t>(handle), std::move(span));
  }
  void Pass(uint64_t ms) {
    for (uint64_t passed = 0; passed < ms; passed += 20) {
      now_ns_ += 20 * kMs;
      stitcher_.OnWatermark(now_ns_, kUnix + now_ns_);
    }
  }
  SdkSpan Server(uint64_t id, uint16_t port) const {
    return {.index = 0,
            .kind = Kind::kServer,
            .trace_id = {id, id},
            .span_id = {id},
            .start_unix_ns = kUnix + now_ns_,
            .method = "GET",
            .peer_address = "127.0.0.1",
            .peer_port = port};
  }
  uint64_t Count(SdkOutcome outcome) const { return stitcher_.sdk_spans()[outcome]; }

  uint64_t now_ns_ = 1'000'000'000;
  uint64_t handle_ = 0;
  uint32_t names_ = 0;
  std::vector<std::unique_ptr<SdkBatch>> inbox_;
  std::deque<Released> released_;
  std::map<int64_t, Span> spans_;
  Stitcher stitcher_;
};

// The caller and what the request calls are captured; the request itself is the application's.
TEST_F(SdkRuleTest, TheApplicationsSpanStandsForTheRequest) {
  RequestStart called = Start(Kind::kClient, 99, 1);
  called.first.process.tgid = 77;
  RequestStart served = Start(Kind::kServer, 5, 4'000);
  served.name = called.name;
  const int64_t caller = Begin(called);
  const int64_t request = Begin(served);
  const int64_t call = Begin(Start(Kind::kClient, 5, 80));
  const SdkSpan sdk = Server(42, 4'000);
  for (const int64_t handle : {call, request, caller}) End(handle);
  Pass(4'000);
  EXPECT_TRUE(spans_.empty());
  const Released& released = Send({sdk});
  Pass(1'100);
  ASSERT_TRUE(released.yes);
  ASSERT_EQ(released.joins.size(), 1U);
  EXPECT_EQ(released.joins[0].parent_id, spans_[caller].span_id);
  EXPECT_EQ(released.joins[0].trace_id, sdk.trace_id);
  EXPECT_EQ(spans_[caller].trace_id, sdk.trace_id);
  EXPECT_EQ(spans_[call].trace_id, sdk.trace_id);
  EXPECT_EQ(spans_[call].parent_span_id, sdk.span_id);
  EXPECT_TRUE(spans_[request].joined);
  EXPECT_FALSE(spans_[call].joined);
  EXPECT_EQ(Count(SdkOutcome::kEndpoints), 1U);
}

TEST_F(SdkRuleTest, WithoutASpanTheRequestStaysWhatItWas) {
  const int64_t request = Begin(Start(Kind::kServer, 5, 4'000));
  End(request);
  Pass(7'000);
  ASSERT_EQ(spans_.size(), 1U);
  EXPECT_FALSE(spans_[request].joined);
}

TEST_F(SdkRuleTest, AProcessThatSendsNothingIsNotWaitedFor) {
  RequestStart start = Start(Kind::kServer, 5, 4'000);
  start.first.process.tgid = 11;
  const int64_t request = Begin(start);
  End(request);
  Pass(1'100);
  EXPECT_EQ(spans_.count(request), 1U);
}

// Keep-alive: each span has the request that was going on when it began.
TEST_F(SdkRuleTest, RequestsOfOneConnectionAreToldApartByTime) {
  std::vector<int64_t> requests;
  std::vector<SdkSpan> sent;
  for (uint64_t i = 0; i < 3; ++i) {
    requests.push_back(Begin(Start(Kind::kServer, 5, 4'000)));
    now_ns_ += 2 * kMs;
    sent.push_back(Server(100 + i, 4'000));
    now_ns_ += 2 * kMs;
    End(requests.back());
    now_ns_ += 5 * kMs;
  }
  Send(sent);
  Pass(1'500);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(spans_[requests[i]].span_id, sent[i].span_id);
}

TEST_F(SdkRuleTest, AnotherPortMethodProcessOrTimeIsAnotherRequest) {
  const int64_t request = Begin(Start(Kind::kServer, 5, 4'000));
  SdkSpan port = Server(1, 4'001);
  SdkSpan method = Server(2, 4'000);
  method.method = "POST";
  SdkSpan address = Server(3, 4'000);
  address.peer_address = "127.0.0.2";
  SdkSpan before = Server(4, 4'000);
  before.start_unix_ns -= 5 * kMs;
  SdkSpan child = Server(5, 4'000);
  child.parent_id = {77};
  End(request);
  now_ns_ += 10 * kMs;
  Send({port, method, address, before, child, Server(6, 4'000)});
  Send({Server(7, 4'000)}, 12);
  Pass(7'500);
  EXPECT_FALSE(spans_[request].joined);
  EXPECT_EQ(Count(SdkOutcome::kUnseen), 7U);
}

TEST_F(SdkRuleTest, ASecondSpanForOneRequestIsAmbiguous) {
  const int64_t request = Begin(Start(Kind::kServer, 5, 4'000));
  const SdkSpan first = Server(1, 4'000);
  const SdkSpan second = Server(2, 4'000);
  End(request);
  const Released& released = Send({first, second});
  Pass(1'500);
  EXPECT_EQ(spans_[request].span_id, first.span_id);
  EXPECT_EQ(released.joins.size(), 1U);
  EXPECT_EQ(Count(SdkOutcome::kAmbiguous), 1U);
}

TEST_F(SdkRuleTest, IdsOnTheWireJoinCallsAndRequests) {
  RequestStart received = Start(Kind::kServer, 5, 4'000);
  received.context = TraceContext{.trace_id = {1, 1}, .parent_id = {2}, .sampled = true, .trace_state = ""};
  RequestStart sent = Start(Kind::kClient, 5, 80);
  sent.context = TraceContext{.trace_id = {1, 1}, .parent_id = {4}, .sampled = true, .trace_state = ""};
  const int64_t request = Begin(received);
  const int64_t call = Begin(sent);
  SdkSpan server = Server(3, 0);
  server.trace_id = {1, 1};
  server.parent_id = {2};
  SdkSpan client = server;
  client.index = 1;
  client.kind = Kind::kClient;
  client.span_id = {4};
  client.parent_id = {3};
  End(call);
  End(request);
  const Released& released = Send({server, client});
  Pass(1'500);
  EXPECT_EQ(Count(SdkOutcome::kHeaders), 2U);
  EXPECT_TRUE(spans_[request].joined && spans_[call].joined);
  EXPECT_EQ(spans_[call].span_id, client.span_id);
  ASSERT_EQ(released.joins.size(), 2U);
  EXPECT_FALSE(released.joins[0].parent_id);
}

// Its caller's trace was told: two traces, and each says where the other is.
TEST_F(SdkRuleTest, WhatWouldBeInTwoTracesIsTied) {
  RequestStart called = Start(Kind::kClient, 99, 1);
  called.first.process.tgid = 77;
  called.context = TraceContext{.trace_id = {9, 9}, .parent_id = {8}, .sampled = true, .trace_state = ""};
  RequestStart served = Start(Kind::kServer, 5, 4'000);
  served.name = called.name;
  const int64_t caller = Begin(called);
  const int64_t request = Begin(served);
  const SdkSpan sdk = Server(42, 4'000);
  End(request);
  End(caller);
  const Released& released = Send({sdk});
  Pass(1'500);
  EXPECT_FALSE(spans_[request].joined);
  EXPECT_EQ(spans_[request].parent_span_id, spans_[caller].span_id);
  ASSERT_EQ(spans_[request].links.size(), 1U);
  EXPECT_EQ(spans_[request].links[0].span_id, sdk.span_id);
  ASSERT_EQ(released.joins.size(), 1U);
  ASSERT_TRUE(released.joins[0].link);
  EXPECT_EQ(released.joins[0].link->span_id, spans_[request].span_id);
  EXPECT_EQ(Count(SdkOutcome::kTied), 1U);
}

TEST_F(SdkRuleTest, ASpanThatComesBeforeItsRequestsEventsWaitsForThem) {
  const SdkSpan sdk = Server(42, 4'000);
  const Released& released = Send({sdk});
  RequestStart start = Start(Kind::kServer, 5, 4'000);
  Pass(40);
  EXPECT_FALSE(released.yes);
  const int64_t request = Begin(start);
  Pass(40);
  End(request);
  Pass(1'500);
  EXPECT_TRUE(released.yes);
  EXPECT_TRUE(spans_[request].joined);
}

TEST_F(SdkRuleTest, AtTheEndEverythingPasses) {
  const int64_t request = Begin(Start(Kind::kServer, 5, 4'000));
  const Released& released = Send({Server(42, 4'000), Server(43, 4'999)});
  End(request);
  stitcher_.Flush();
  EXPECT_TRUE(released.yes);
  EXPECT_TRUE(spans_[request].joined);
}

}  // namespace
}  // namespace tracelet::span
