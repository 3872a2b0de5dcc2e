#include "agent/span/rpc_span.h"

#include <algorithm>
#include <array>

#include "agent/span/attributes.h"
#include "agent/span/url.h"

namespace tracelet::span {
namespace {

using namespace attributes;
using protocol::Outcome;
using protocol::grpc::Messages;
using protocol::grpc::System;

constexpr uint16_t kHttpPort = 80;
constexpr uint16_t kHttpsPort = 443;
constexpr size_t kUsualAttributes = 18;

// Codes that say that the server failed and not its caller (semconv, gRPC).
bool IsServersFault(int status) {
  static constexpr std::array<int, 6> kCodes = {2, 4, 12, 13, 14, 15};
  return std::find(kCodes.begin(), kCodes.end(), status) != kCodes.end();
}

}  // namespace

RpcSpan::RpcSpan(Kind kind_of_span, const protocol::Exchange& exchange, const HttpSpanOptions& options)
    : rpc_(exchange.rpc),
      path_(exchange.target),
      host_(exchange.host),
      unread_(exchange.unknown),
      begin_ns_(exchange.request.first.time_ns),
      http_status_(exchange.status),
      outcome_(exchange.outcome) {
  kind = kind_of_span;
  if (rpc_->system != System::kGrpc) http_ = std::make_unique<HttpSpan>(kind, exchange, options);
}

class RpcSpan::Writer {
 public:
  Writer(const RpcSpan& held, const RequestStart& start, Span& span)
      : held_(held), start_(start), span_(span), server_(held.kind == Kind::kServer) {
    span_.attributes.reserve(kUsualAttributes);
  }

  void Write() {
    if (held_.http_) held_.http_->Describe(start_, span_);
    Procedure();
    if (!held_.http_) {
      Server();
      Network();
      Error();
      if (held_.outcome_ != Outcome::kComplete) Put(kOutcome, std::string(Name(held_.outcome_)));
      if (!held_.unread_.empty()) Put(attributes::kUnknown, held_.unread_);
    }
    Status();
    AddMessages(held_.rpc_->sent.get(), server_ ? "RECEIVED" : "SENT", kRpcRequestMessages, kRpcRequestBytes);
    AddMessages(held_.rpc_->received.get(), server_ ? "SENT" : "RECEIVED", kRpcResponseMessages, kRpcResponseBytes);
    for (const auto& progress : held_.rpc_->progress) AddProgress(progress);
    std::ranges::stable_sort(span_.events, {}, &Event::unix_ns);
  }

 private:
  template <typename T>
  static void PutIn(std::vector<Attribute>& attributes, std::string_view key, T value) {
    Attribute& attribute = attributes.emplace_back();
    attribute.key = key;
    attribute.value.emplace<T>(std::move(value));
  }
  template <typename T>
  void Put(std::string_view key, T value) {
    PutIn(span_.attributes, key, std::move(value));
  }

  void Procedure() {
    Put(kRpcSystem, std::string(held_.rpc_->system == System::kConnect ? "connect_rpc" : "grpc"));
    const auto procedure = protocol::grpc::ParseProcedure(held_.path_);
    if (!procedure) {
      if (!held_.http_) span_.name = "grpc";
      return;
    }
    span_.name = std::string(procedure->service).append("/").append(procedure->method);
    Put(kRpcService, std::string(procedure->service));
    Put(kRpcMethod, std::string(procedure->method));
  }

  void Server() {
    const conn::Endpoints& ends = *start_.endpoints;
    const HostPort named = ParseAuthority(held_.host_);
    if (!named.host.empty()) {
      Put(kServerAddress, std::string(named.host));
      Put(kServerPort, int64_t{named.port != 0 ? named.port : ends.encrypted ? kHttpsPort : kHttpPort});
    } else if (ends.unix_socket) {
      Put(kServerAddress, ends.unix_path);
    } else {
      Put(kServerAddress, server_ ? ends.local_address : ends.remote_address);
      Put(kServerPort, int64_t{server_ ? ends.local_port : ends.remote_port});
    }
  }

  void Network() {
    const conn::Endpoints& ends = *start_.endpoints;
    if (!ends.unix_socket) {
      if (server_) Put(kClientAddress, ends.remote_address);
      Put(kNetworkPeerAddress, ends.remote_address);
      Put(kNetworkPeerPort, int64_t{ends.remote_port});
    } else if (!server_) {
      Put(kNetworkPeerAddress, ends.unix_path);
    }
    Put(kNetworkTransport, std::string(ends.unix_socket ? "unix" : "tcp"));
    Put(kNetworkProtocolVersion, std::string("2"));
  }

  void Status() {
    if (held_.rpc_->status) Put(kRpcGrpcStatusCode, int64_t{*held_.rpc_->status});
    if (held_.rpc_->status_from_reset) Put(kRpcStatusFromReset, true);
    if (held_.rpc_->deadline_ns) Put(kRpcDeadline, static_cast<double>(*held_.rpc_->deadline_ns) / 1e9);
  }

  // A call without a status failed in the way in which its stream did, or its HTTP response.
  void Error() {
    std::string type;
    if (held_.rpc_->status) {
      const int status = *held_.rpc_->status;
      if (server_ ? !IsServersFault(status) : status == protocol::grpc::kOk) return;
      type = protocol::grpc::StatusName(status);
      if (type.empty()) type = std::to_string(status);
    } else if (held_.outcome_ != Outcome::kComplete && held_.outcome_ != Outcome::kLost) {
      type = Name(held_.outcome_);
    } else if (held_.http_status_ >= (server_ ? 500 : 400)) {
      type = std::to_string(held_.http_status_);
    }
    if (type.empty()) return;
    span_.status = StatusCode::kError;
    Put(kErrorType, std::move(type));
  }

  void AddMessages(const Messages* messages, std::string_view type, std::string_view count_key,
                   std::string_view bytes_key) {
    if (messages == nullptr) return;
    PutCounts(*messages, count_key, bytes_key, span_.attributes);
    if (messages->count > 0) AddMessage(messages->first, 1, type);
    if (messages->count > 1 && messages->exact) AddMessage(messages->last, messages->count, type);
  }

  static void PutCounts(const Messages& messages, std::string_view count_key, std::string_view bytes_key,
                        std::vector<Attribute>& attributes) {
    if (!messages.exact) return;
    PutIn(attributes, count_key, static_cast<int64_t>(messages.count));
    PutIn(attributes, bytes_key, static_cast<int64_t>(messages.bytes));
  }

  void AddProgress(const protocol::grpc::Progress& progress) {
    if (!progress.sent.exact && !progress.received.exact) return;
    Event& event = span_.events.emplace_back();
    event.name = kRpcProgress;
    event.unix_ns = held_.start_unix_ns + progress.time_ns - held_.begin_ns_;
    PutCounts(progress.sent, kRpcRequestMessages, kRpcRequestBytes, event.attributes);
    PutCounts(progress.received, kRpcResponseMessages, kRpcResponseBytes, event.attributes);
  }

  void AddMessage(const protocol::grpc::MessageEvent& message, uint64_t number, std::string_view type) {
    Event& event = span_.events.emplace_back();
    event.name = "rpc.message";
    event.unix_ns = held_.start_unix_ns + message.time_ns - held_.begin_ns_;
    PutIn(event.attributes, kRpcMessageType, std::string(type));
    PutIn(event.attributes, kRpcMessageId, static_cast<int64_t>(number));
    PutIn(event.attributes, kRpcMessageSize, static_cast<int64_t>(message.bytes));
  }

  const RpcSpan& held_;
  const RequestStart& start_;
  Span& span_;
  const bool server_;
};

void RpcSpan::Describe(const RequestStart& start, Span& span) const { Writer(*this, start, span).Write(); }

}  // namespace tracelet::span
