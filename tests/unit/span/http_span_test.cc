#include "agent/span/http_span.h"

#include <gtest/gtest.h>

#include "agent/span/assembler.h"
#include "agent/span/attributes.h"
#include "agent/span/url.h"

namespace tracelet::span {
namespace {

using protocol::Exchange;
using protocol::Outcome;

conn::ConnectionInfo Connection() {
  conn::ConnectionInfo connection;
  connection.family = 2;
  connection.id.tx_base = 1000;
  connection.id.rx_base = 2000;
  conn::Endpoints endpoints;
  endpoints.local_address = "10.0.0.1";
  endpoints.local_port = 8080;
  endpoints.remote_address = "10.0.0.2";
  endpoints.remote_port = 40000;
  connection.endpoints = std::make_shared<const conn::Endpoints>(endpoints);
  return connection;
}

Exchange Ok(std::string method, std::string target) {
  Exchange exchange;
  exchange.method = std::move(method);
  exchange.target = std::move(target);
  exchange.version = "1.1";
  exchange.status = 200;
  exchange.response.started = true;
  return exchange;
}

Span Describe(Kind kind, const Exchange& exchange, const conn::ConnectionInfo& connection = Connection()) {
  Span span;
  span.kind = kind;
  process::ProcessInfo info;
  info.service_name = "shop";
  span.process = std::make_shared<const process::ProcessInfo>(info);
  const HttpSpanOptions options{.allowed_query_keys = {"page"}, .route = [](const std::string&, std::string_view path) {
                                  return "R" + std::string(path);
                                }};
  RequestStart start;
  start.endpoints = connection.endpoints;
  start.method = exchange.method;
  HttpSpan(kind, exchange, options).Describe(start, span);
  return span;
}

std::string Text(const Span& span, std::string_view key) {
  for (const Attribute& attribute : span.attributes) {
    if (attribute.key != key) continue;
    if (const auto* number = std::get_if<int64_t>(&attribute.value)) return std::to_string(*number);
    if (const auto* text = std::get_if<std::string>(&attribute.value)) return *text;
    return "?";
  }
  return "";
}

TEST(HttpSpan, AServersRequest) {
  Exchange exchange = Ok("GET", "/orders/7?page=2&token=secret#top");
  exchange.host = "shop.example:8443";
  exchange.user_agent = "curl/8";
  const Span span = Describe(Kind::kServer, exchange);
  EXPECT_EQ(span.name, "GET R/orders/7");
  EXPECT_EQ(Text(span, attributes::kHttpRoute), "R/orders/7");
  EXPECT_EQ(Text(span, attributes::kUrlPath), "/orders/7");
  EXPECT_EQ(Text(span, attributes::kUrlQuery), "page=2&token=REDACTED");
  EXPECT_EQ(Text(span, attributes::kUrlScheme), "http");
  EXPECT_EQ(Text(span, attributes::kServerAddress), "shop.example");
  EXPECT_EQ(Text(span, attributes::kServerPort), "8443");
  EXPECT_EQ(Text(span, attributes::kClientAddress), "10.0.0.2");
  EXPECT_EQ(Text(span, attributes::kUserAgentOriginal), "curl/8");
  EXPECT_EQ(Text(span, attributes::kOutcome), "");
  EXPECT_EQ(span.status, StatusCode::kUnset);
}

TEST(HttpSpan, AClientsRequest) {
  Exchange exchange = Ok("GET", "http://user:password@[::1]:81/p?secret");
  exchange.host = "ignored";
  const Span span = Describe(Kind::kClient, exchange);
  EXPECT_EQ(Text(span, attributes::kUrlFull), "http://[::1]:81/p?REDACTED");
  EXPECT_EQ(Text(span, attributes::kServerAddress), "::1");
  EXPECT_EQ(Text(span, attributes::kServerPort), "81");
  EXPECT_EQ(Text(span, attributes::kNetworkPeerPort), "40000");
  EXPECT_EQ(Text(span, attributes::kUrlTemplate), "R/p");
  EXPECT_EQ(Text(span, attributes::kUrlPath), "");
}

TEST(HttpSpan, OddTargets) {
  EXPECT_EQ(Describe(Kind::kClient, Ok("OPTIONS", "*")).name, "OPTIONS");
  EXPECT_EQ(Text(Describe(Kind::kClient, Ok("OPTIONS", "*")), attributes::kUrlFull), "http://10.0.0.2:40000");
  const Span connect = Describe(Kind::kClient, Ok("CONNECT", "example.org:443"));
  EXPECT_EQ(Text(connect, attributes::kServerAddress), "example.org");
  EXPECT_EQ(Text(connect, attributes::kServerPort), "443");
  EXPECT_EQ(Text(connect, attributes::kUrlFull), "");
  const Span odd = Describe(Kind::kServer, Ok("BREW", "/pot"));
  EXPECT_EQ(odd.name, "HTTP R/pot");
  EXPECT_EQ(Text(odd, attributes::kHttpRequestMethod), "_OTHER");
  EXPECT_EQ(Text(odd, attributes::kHttpRequestMethodOriginal), "BREW");
}

TEST(HttpSpan, AUnixSocket) {
  conn::ConnectionInfo connection;
  connection.family = 1;
  conn::Endpoints endpoints;
  endpoints.unix_socket = true;
  endpoints.unix_path = "/run/app.sock";
  connection.endpoints = std::make_shared<const conn::Endpoints>(endpoints);
  const Span span = Describe(Kind::kClient, Ok("GET", "/"), connection);
  EXPECT_EQ(Text(span, attributes::kNetworkTransport), "unix");
  EXPECT_EQ(Text(span, attributes::kServerAddress), "/run/app.sock");
  EXPECT_EQ(Text(span, attributes::kUrlFull), "http://localhost/");
}

TEST(HttpSpan, WhoIsToBlame) {
  Exchange exchange = Ok("GET", "/");
  exchange.status = 404;
  EXPECT_EQ(Describe(Kind::kServer, exchange).status, StatusCode::kUnset);
  EXPECT_EQ(Text(Describe(Kind::kClient, exchange), attributes::kErrorType), "404");
  exchange.status = 503;
  EXPECT_EQ(Text(Describe(Kind::kServer, exchange), attributes::kErrorType), "503");
  exchange.status = 200;
  exchange.outcome = Outcome::kReset;
  EXPECT_EQ(Text(Describe(Kind::kServer, exchange), attributes::kErrorType), "reset");
  exchange.outcome = Outcome::kLost;  // what was not seen is nobody's error
  EXPECT_EQ(Describe(Kind::kServer, exchange).status, StatusCode::kUnset);
  EXPECT_EQ(Text(Describe(Kind::kServer, exchange), attributes::kOutcome), "lost");
}

TEST(NameRequest, IsTheSameOnBothEnds) {
  LinkRefusal refusal{};
  conn::ConnectionInfo client = Connection();
  conn::ConnectionInfo server = Connection();
  std::swap(server.id.tx_base, server.id.rx_base);
  const auto sent = NameRequest(client, conn::Direction::kSend, 77, 0, refusal);
  const auto received = NameRequest(server, conn::Direction::kReceive, 77, 0, refusal);
  ASSERT_TRUE(sent && received);
  EXPECT_EQ(*sent, *received);

  // Adopted: the end that connected counts its SYN.
  client.flags = CONN_ADOPTED;
  client.id.tx_base = UINT32_MAX;
  server.id.rx_base = 0;
  EXPECT_EQ(NameRequest(client, conn::Direction::kSend, 78, 0, refusal),
            NameRequest(server, conn::Direction::kReceive, 77, 0, refusal));
}

TEST(NameRequest, IsRefusedWhereOffsetsOrBasesMeanNothing) {
  LinkRefusal refusal{};
  conn::ConnectionInfo connection = Connection();
  connection.offsets_doubtful = true;
  EXPECT_FALSE(NameRequest(connection, conn::Direction::kSend, 0, 0, refusal));
  EXPECT_EQ(refusal, LinkRefusal::kLostEvent);
  connection = Connection();
  connection.flags = CONN_ADOPTED | CONN_TORN_BASE;
  EXPECT_FALSE(NameRequest(connection, conn::Direction::kSend, 0, 0, refusal));
  EXPECT_EQ(refusal, LinkRefusal::kAdopted);
  connection = {};
  connection.family = 1;
  EXPECT_FALSE(NameRequest(connection, conn::Direction::kReceive, 0, 0, refusal));
  EXPECT_EQ(refusal, LinkRefusal::kNoEvidence);
}

}  // namespace
}  // namespace tracelet::span
