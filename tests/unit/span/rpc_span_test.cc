#include "agent/span/rpc_span.h"

#include <gtest/gtest.h>

#include "agent/span/attributes.h"

namespace tracelet::span {
namespace {

using protocol::Exchange;
using protocol::Outcome;
namespace grpc = protocol::grpc;

Exchange Call(std::optional<int> status) {
  Exchange exchange;
  exchange.method = "POST";
  exchange.target = "/shop.Orders/Get";
  exchange.host = "orders:50051";
  exchange.version = "2";
  exchange.status = 200;
  exchange.request.first.time_ns = 1'000;
  exchange.rpc = std::make_shared<grpc::Rpc>();
  exchange.rpc->status = status;
  grpc::Messages messages{.count = 2, .bytes = 30, .first = {}, .last = {}};
  messages.first = {.time_ns = 1'010, .bytes = 10};
  messages.last = {.time_ns = 1'020, .bytes = 20};
  exchange.rpc->sent = std::make_shared<grpc::Messages>(messages);
  return exchange;
}

Span Describe(Kind kind, const Exchange& exchange) {
  conn::Endpoints ends;
  ends.local_address = ends.remote_address = "10.0.0.1";
  RequestStart start;
  start.endpoints = std::make_shared<const conn::Endpoints>(ends);
  start.method = exchange.method;
  const HttpSpanOptions options;
  RpcSpan held(kind, exchange, options);
  held.start_unix_ns = 5'000'000;
  held.process = std::make_shared<const process::ProcessInfo>();
  Span span;
  span.kind = kind;
  span.process = held.process;
  held.Describe(start, span);
  return span;
}

const AttributeValue* Find(const Span& span, std::string_view key) {
  for (const Attribute& attribute : span.attributes) {
    if (attribute.key == key) return &attribute.value;
  }
  return nullptr;
}

std::string Text(const Span& span, std::string_view key) {
  const AttributeValue* value = Find(span, key);
  if (value == nullptr) return "";
  if (const auto* number = std::get_if<int64_t>(value)) return std::to_string(*number);
  if (const auto* text = std::get_if<std::string>(value)) return *text;
  return "?";
}

TEST(RpcSpan, FollowsTheConventions) {
  const Span span = Describe(Kind::kClient, Call(5));
  EXPECT_EQ(span.name, "shop.Orders/Get");
  EXPECT_EQ(Text(span, "rpc.system"), "grpc");
  EXPECT_EQ(Text(span, "rpc.service"), "shop.Orders");
  EXPECT_EQ(Text(span, "rpc.method"), "Get");
  EXPECT_EQ(Text(span, "rpc.grpc.status_code"), "5");
  EXPECT_EQ(Text(span, "server.address"), "orders");
  EXPECT_EQ(Text(span, "server.port"), "50051");
  EXPECT_EQ(Text(span, "error.type"), "NOT_FOUND");
  EXPECT_EQ(span.status, StatusCode::kError);
  EXPECT_EQ(Find(span, "http.request.method"), nullptr);
  EXPECT_EQ(Text(span, "tracelet.rpc.request.messages"), "2");
  EXPECT_EQ(Text(span, "tracelet.rpc.request.bytes"), "30");
}

TEST(RpcSpan, HasEventsForItsProgress) {
  Exchange call = Call(0);
  grpc::Messages inexact{.count = 7, .bytes = 70, .exact = false, .first = {}, .last = {}};
  const grpc::Messages one{.count = 1, .bytes = 10, .first = {}, .last = {}};
  call.rpc->progress = {{.time_ns = 1'015, .sent = one, .received = inexact},
                        {.time_ns = 1'018, .sent = inexact, .received = inexact}};
  const Span span = Describe(Kind::kServer, call);
  ASSERT_EQ(span.events.size(), 3U);
  const Event& event = span.events[1];  // between the first message and the last one; the other one knows nothing
  EXPECT_EQ(event.name, "tracelet.rpc.progress");
  EXPECT_EQ(event.unix_ns, 5'000'015U);
  ASSERT_EQ(event.attributes.size(), 2U);
  EXPECT_EQ(event.attributes[0].key, "tracelet.rpc.request.messages");
  EXPECT_EQ(std::get<int64_t>(event.attributes[0].value), 1);
}

TEST(RpcSpan, HasEventsForItsFirstAndLastMessages) {
  const Span span = Describe(Kind::kServer, Call(0));
  ASSERT_EQ(span.events.size(), 2U);
  EXPECT_EQ(span.events[0].name, "rpc.message");
  EXPECT_EQ(span.events[0].unix_ns, 5'000'010U);
  EXPECT_EQ(span.events[1].unix_ns, 5'000'020U);
  EXPECT_EQ(std::get<std::string>(span.events[0].attributes[0].value), "RECEIVED");
  EXPECT_EQ(std::get<int64_t>(span.events[1].attributes[1].value), 2);
}

TEST(RpcSpan, BlamesAServerOnlyForItsOwnFaults) {
  EXPECT_EQ(Describe(Kind::kServer, Call(5)).status, StatusCode::kUnset);
  EXPECT_EQ(Describe(Kind::kServer, Call(13)).status, StatusCode::kError);
  EXPECT_EQ(Describe(Kind::kClient, Call(0)).status, StatusCode::kUnset);
}

TEST(RpcSpan, SaysHowACallWithoutAStatusEnded) {
  Exchange exchange = Call(std::nullopt);
  exchange.outcome = Outcome::kNoResponse;
  exchange.unknown = "path,request_fields";
  exchange.target.clear();
  const Span span = Describe(Kind::kClient, exchange);
  EXPECT_EQ(span.name, "grpc");
  EXPECT_EQ(Text(span, "error.type"), "no_response");
  EXPECT_EQ(Text(span, "tracelet.outcome"), "no_response");
  EXPECT_EQ(Text(span, "tracelet.unknown"), "path,request_fields");
  EXPECT_EQ(Find(span, "rpc.grpc.status_code"), nullptr);
}

TEST(RpcSpan, IsAlsoAnHttpSpanOverHttp1) {
  Exchange exchange = Call(7);
  exchange.version = "1.1";
  exchange.rpc->system = grpc::System::kGrpcWeb;
  const Span span = Describe(Kind::kServer, exchange);
  EXPECT_EQ(span.name, "shop.Orders/Get");
  EXPECT_EQ(Text(span, "rpc.grpc.status_code"), "7");
  EXPECT_EQ(Text(span, "http.request.method"), "POST");
  EXPECT_EQ(Text(span, "url.path"), "/shop.Orders/Get");
}

}  // namespace
}  // namespace tracelet::span
