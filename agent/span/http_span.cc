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
constexpr uint16_t kHttpsPort = 443;
constexpr size_t kUsualAttributes = 18;
constexpr size_t kUrlRoom = 48;  // what redaction may add, in most cases

// The methods that the conventions know: RFC 9110 and PATCH of RFC 5789.
bool IsKnownMethod(std::string_view method) {
  static constexpr std::array<std::string_view, 9> kMethods = {"GET",     "POST",    "PUT",   "DELETE", "HEAD",
                                                               "OPTIONS", "CONNECT", "TRACE", "PATCH"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

}  // namespace

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

HttpSpan::HttpSpan(Kind kind_of_span, const protocol::Exchange& exchange, const HttpSpanOptions& options)
    : options_(options),
      status_(exchange.status),
      outcome_(exchange.outcome),
      resynchronised_(exchange.resynchronised),
      head_truncated_(exchange.head_truncated),
      end_unseen_(exchange.end_unseen) {
  kind = kind_of_span;
  const protocol::Message& request = exchange.request;
  const protocol::Message& response = exchange.response;
  if (request.complete && request.body_exact) request_body_bytes_ = request.body_bytes;
  if (response.complete && response.body_exact) response_body_bytes_ = response.body_bytes;
  const uint64_t begin_ns = request.first.time_ns;
  if (response.started) first_byte_ns_ = std::max(response.first.time_ns, begin_ns) - begin_ns;

  // The user agent is opt-in for clients.
  const std::string_view user_agent = kind == Kind::kServer ? std::string_view(exchange.user_agent) : "";
  const std::string_view texts[kTexts] = {exchange.target, exchange.host, user_agent, exchange.version,
                                          exchange.unknown};
  size_t size = 0;
  for (size_t i = 0; i < kTexts; ++i) ends_[i] = static_cast<uint32_t>(size += texts[i].size());
  texts_ = std::make_unique_for_overwrite<char[]>(size);
  char* end = texts_.get();
  for (const std::string_view text : texts) end = std::ranges::copy(text, end).out;
}

std::string_view HttpSpan::Get(Text text) const {
  const uint32_t begin = text == 0 ? 0 : ends_[text - 1];
  return {texts_.get() + begin, ends_[text] - begin};
}

class HttpSpan::Writer {
 public:
  Writer(const HttpSpan& held, const RequestStart& start, Span& span)
      : held_(held),
        method_(start.method),
        endpoints_(*start.endpoints),
        span_(span),
        server_(span.kind == Kind::kServer),
        target_(ParseTarget(held.Get(kTarget), method_ == "CONNECT")) {
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

  void PutSize(std::string_view key, uint64_t bytes) {
    if (bytes != kUnknown) Put(key, static_cast<int64_t>(bytes));
  }

  void Method() {
    const bool known = IsKnownMethod(method_);
    if (!method_.empty()) PutText(kHttpRequestMethod, known ? method_ : "_OTHER");
    if (!known) PutText(kHttpRequestMethodOriginal, method_);
    span_.name = known ? method_ : "HTTP";
    if (!target_.path.starts_with('/') || !held_.options_.route) return;
    std::string route = held_.options_.route(span_.process->service_name, target_.path);
    if (route.empty()) return;
    span_.name.append(" ").append(route);
    Put(server_ ? kHttpRoute : kUrlTemplate, std::move(route));
  }

  void Server() {
    const std::string_view authority = !target_.authority.empty() ? target_.authority : held_.Get(kHost);
    const HostPort named = ParseAuthority(authority);
    if (!named.host.empty()) {
      PutText(kServerAddress, named.host);
      Put(kServerPort, int64_t{named.port != 0 ? named.port : endpoints_.encrypted ? kHttpsPort : kHttpPort});
    } else if (endpoints_.unix_socket) {
      PutText(kServerAddress, endpoints_.unix_path);
    } else {
      PutText(kServerAddress, server_ ? endpoints_.local_address : endpoints_.remote_address);
      Put(kServerPort, int64_t{server_ ? endpoints_.local_port : endpoints_.remote_port});
    }
    authority_ = authority;
  }

  // For URLs of requests that name no host.
  [[nodiscard]] std::string Endpoint() const {
    if (endpoints_.unix_socket) return "localhost";
    const std::string& address = endpoints_.remote_address;
    const bool ipv6 = address.find(':') != std::string::npos;
    return (ipv6 ? "[" + address + "]" : address) + ":" + std::to_string(endpoints_.remote_port);
  }

  void Url() {
    const std::string_view scheme = !target_.scheme.empty() ? target_.scheme : endpoints_.encrypted ? "https" : "http";
    if (server_) {
      PutText(kUrlScheme, scheme);
      PutText(kUrlPath, target_.path);
      if (target_.query.empty()) return;
      std::string query;
      query.reserve(kUrlRoom);
      AppendRedacted(target_.query, held_.options_.allowed_query_keys, query);
      Put(kUrlQuery, std::move(query));
      return;
    }
    if (target_.path.empty()) return;  // CONNECT names no resource
    std::string full;
    full.reserve(held_.Get(kTarget).size() + authority_.size() + kUrlRoom);
    full.append(scheme).append("://");
    authority_.empty() ? full.append(Endpoint()) : full.append(authority_);
    if (target_.path != "*") full.append(target_.path);
    if (target_.has_query) {
      full.append("?");
      AppendRedacted(target_.query, held_.options_.allowed_query_keys, full);
    }
    Put(kUrlFull, std::move(full));
  }

  void Network() {
    if (endpoints_.unix_socket) {
      PutText(kNetworkPeerAddress, server_ ? "" : endpoints_.unix_path);
    } else {
      if (server_) PutText(kClientAddress, endpoints_.remote_address);
      PutText(kNetworkPeerAddress, endpoints_.remote_address);
      Put(kNetworkPeerPort, int64_t{endpoints_.remote_port});
    }
    PutText(kNetworkTransport, endpoints_.unix_socket ? "unix" : "tcp");
    PutText(kNetworkProtocolVersion, held_.Get(kVersion));
    PutText(kUserAgentOriginal, held_.Get(kUserAgent));
  }

  void Response() {
    if (held_.status_ != 0) Put(kHttpResponseStatusCode, int64_t{held_.status_});
    PutSize(kHttpRequestBodySize, held_.request_body_bytes_);
    PutSize(kHttpResponseBodySize, held_.response_body_bytes_);
    if (held_.first_byte_ns_ != kUnknown) Put(kTimeToFirstByte, static_cast<double>(held_.first_byte_ns_) / 1e9);
    Error();
  }

  // A server is not to blame for what its client asks; a client was refused (semconv, HTTP span status).
  void Error() {
    std::string type;
    switch (held_.outcome_) {
      case Outcome::kAborted:
      case Outcome::kReset:
      case Outcome::kNoResponse:
      case Outcome::kIncomplete:
        type = Name(held_.outcome_);
        break;
      default:
        if (held_.status_ >= (server_ ? 500 : 400)) type = std::to_string(held_.status_);
    }
    if (type.empty()) return;
    span_.status = StatusCode::kError;
    Put(kErrorType, std::move(type));
  }

  void Ours() {
    if (held_.outcome_ != Outcome::kComplete) PutText(kOutcome, Name(held_.outcome_));
    if (held_.resynchronised_) Put(kResynchronised, true);
    if (held_.head_truncated_) Put(kHeadTruncated, true);
    if (held_.end_unseen_) Put(kEndUnseen, true);
    PutText(attributes::kUnknown, held_.Get(kUnread));
  }

  const HttpSpan& held_;
  const std::string_view method_;
  const conn::Endpoints& endpoints_;
  Span& span_;
  const bool server_;
  const Target target_;
  std::string_view authority_;  // that the request names
};

void HttpSpan::Describe(const RequestStart& start, Span& span) const { Writer(*this, start, span).Write(); }

}  // namespace tracelet::span
