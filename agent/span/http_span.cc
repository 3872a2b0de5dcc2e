#include "agent/span/http_span.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "agent/span/attributes.h"
#include "agent/span/url.h"

namespace tracelet::span {
namespace {

using namespace attributes;
using protocol::Outcome;

constexpr uint16_t kHttpPort = 80;
constexpr size_t kUsualAttributes = 17;  // spans are held: room costs memory
constexpr size_t kUrlRoom = 48;          // what redaction may add, in most cases

// The methods that the conventions know: RFC 9110 and PATCH of RFC 5789.
bool IsKnownMethod(std::string_view method) {
  static constexpr std::array<std::string_view, 9> kMethods = {"GET",     "POST",    "PUT",   "DELETE", "HEAD",
                                                               "OPTIONS", "CONNECT", "TRACE", "PATCH"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

std::string_view Name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kComplete:
      return "complete";
    case Outcome::kAborted:
      return "aborted";
    case Outcome::kReset:
      return "reset";
    case Outcome::kNoResponse:
      return "no_response";
    case Outcome::kIncomplete:
      return "incomplete";
    case Outcome::kUpgraded:
      return "upgraded";
    case Outcome::kLost:
      return "lost";
  }
  return "";
}

class Writer {
 public:
  Writer(const conn::ConnectionInfo& connection, const protocol::Exchange& exchange, const HttpSpanOptions& options,
         Span& span)
      : connection_(connection),
        exchange_(exchange),
        options_(options),
        span_(span),
        server_(span.kind == Kind::kServer),
        target_(ParseTarget(exchange.target, exchange.method == "CONNECT")) {
    span_.attributes.reserve(kUsualAttributes);
  }

  void Write() {
    Method();
    Server();
    Url();
    Network();
    Response();
    Ours();
  }

 private:
  template <typename T>
  void Put(std::string_view key, T value) {
    Attribute& attribute = span_.attributes.emplace_back();
    attribute.key = key;
    attribute.value.emplace<T>(std::move(value));
  }
  void PutText(std::string_view key, std::string_view value) {
    if (value.empty()) return;
    Attribute& attribute = span_.attributes.emplace_back();
    attribute.key = key;
    std::get<std::string>(attribute.value) = value;
  }

  void Method() {
    const bool known = IsKnownMethod(exchange_.method);
    PutText(kHttpRequestMethod, known ? std::string_view(exchange_.method) : "_OTHER");
    if (!known) PutText(kHttpRequestMethodOriginal, exchange_.method);
    span_.name = known ? exchange_.method : "HTTP";
    if (!target_.path.starts_with('/') || !options_.route) return;
    std::string route = options_.route(span_.process->service_name, target_.path);
    if (route.empty()) return;
    span_.name.append(" ").append(route);
    Put(server_ ? kHttpRoute : kUrlTemplate, std::move(route));
  }

  void Server() {
    const std::string_view authority =
        !target_.authority.empty() ? target_.authority : std::string_view(exchange_.host);
    const HostPort named = ParseAuthority(authority);
    if (!named.host.empty()) {
      PutText(kServerAddress, named.host);
      Put(kServerPort, int64_t{named.port != 0 ? named.port : kHttpPort});
    } else if (connection_.is_unix()) {
      PutText(kServerAddress, connection_.unix_path);
    } else {
      PutText(kServerAddress, server_ ? connection_.local_address : connection_.remote_address);
      Put(kServerPort, int64_t{server_ ? connection_.local_port : connection_.remote_port});
    }
    authority_ = authority;
  }

  // For URLs of requests that name no host.
  [[nodiscard]] std::string Endpoint() const {
    if (connection_.is_unix()) return "localhost";
    const std::string& address = connection_.remote_address;
    const bool ipv6 = address.find(':') != std::string::npos;
    return (ipv6 ? "[" + address + "]" : address) + ":" + std::to_string(connection_.remote_port);
  }

  void Url() {
    const std::string_view scheme = !target_.scheme.empty() ? target_.scheme : "http";
    if (server_) {
      PutText(kUrlScheme, scheme);
      PutText(kUrlPath, target_.path);
      if (target_.query.empty()) return;
      std::string query;
      query.reserve(kUrlRoom);
      AppendRedacted(target_.query, options_.allowed_query_keys, query);
      Put(kUrlQuery, std::move(query));
      return;
    }
    if (target_.path.empty()) return;  // CONNECT names no resource
    std::string full;
    full.reserve(exchange_.target.size() + authority_.size() + kUrlRoom);
    full.append(scheme).append("://");
    authority_.empty() ? full.append(Endpoint()) : full.append(authority_);
    if (target_.path != "*") full.append(target_.path);
    if (target_.has_query) {
      full.append("?");
      AppendRedacted(target_.query, options_.allowed_query_keys, full);
    }
    Put(kUrlFull, std::move(full));
  }

  void Network() {
    if (connection_.is_unix()) {
      PutText(kNetworkPeerAddress, server_ ? "" : connection_.unix_path);
    } else {
      if (server_) PutText(kClientAddress, connection_.remote_address);
      PutText(kNetworkPeerAddress, connection_.remote_address);
      Put(kNetworkPeerPort, int64_t{connection_.remote_port});
    }
    PutText(kNetworkTransport, connection_.is_unix() ? "unix" : "tcp");
    PutText(kNetworkProtocolVersion, exchange_.version);
    if (server_) PutText(kUserAgentOriginal, exchange_.user_agent);  // opt-in for clients
  }

  void Response() {
    const protocol::Message& request = exchange_.request;
    const protocol::Message& response = exchange_.response;
    if (exchange_.status != 0) Put(kHttpResponseStatusCode, int64_t{exchange_.status});
    if (request.complete && request.body_exact) Put(kHttpRequestBodySize, static_cast<int64_t>(request.body_bytes));
    if (response.complete && response.body_exact) Put(kHttpResponseBodySize, static_cast<int64_t>(response.body_bytes));
    if (response.started) {
      const uint64_t from = request.first.time_ns;
      const uint64_t to = std::max(response.first.time_ns, from);
      Put(kTimeToFirstByte, static_cast<double>(to - from) / 1e9);
    }
    Error();
  }

  // A server is not to blame for what its client asks; a client was refused (semconv, HTTP span status).
  void Error() {
    std::string type;
    switch (exchange_.outcome) {
      case Outcome::kAborted:
      case Outcome::kReset:
      case Outcome::kNoResponse:
      case Outcome::kIncomplete:
        type = Name(exchange_.outcome);
        break;
      default:
        if (exchange_.status >= (server_ ? 500 : 400)) type = std::to_string(exchange_.status);
    }
    if (type.empty()) return;
    span_.status = StatusCode::kError;
    Put(kErrorType, std::move(type));
  }

  void Ours() {
    if (exchange_.outcome != Outcome::kComplete) PutText(kOutcome, Name(exchange_.outcome));
    if (exchange_.resynchronised) Put(kResynchronised, true);
    if (exchange_.head_truncated) Put(kHeadTruncated, true);
    if (exchange_.end_unseen) Put(kEndUnseen, true);
  }

  const conn::ConnectionInfo& connection_;
  const protocol::Exchange& exchange_;
  const HttpSpanOptions& options_;
  Span& span_;
  const bool server_;
  const Target target_;
  std::string_view authority_;  // that the request names
};

}  // namespace

void DescribeHttp(const conn::ConnectionInfo& connection, const protocol::Exchange& exchange,
                  const HttpSpanOptions& options, Span& span) {
  Writer(connection, exchange, options, span).Write();
  span.attributes.shrink_to_fit();  // it is held for a second, and there are many
}

}  // namespace tracelet::span
