// A remote procedure call -> name, status, attributes and events of its span, by
// OpenTelemetry's RPC conventions: a gRPC call is described as one and nothing else, one by
// gRPC-Web or Connect is also the HTTP request that it is.
#pragma once

#include <memory>
#include <string>

#include "agent/span/held_span.h"
#include "agent/span/http_span.h"

namespace tracelet::span {

class RpcSpan final : public HeldSpan {
 public:
  // `exchange.rpc` is not null. `options` must outlive it.
  RpcSpan(Kind kind_of_span, const protocol::Exchange& exchange, const HttpSpanOptions& options);

  void Describe(const RequestStart& start, Span& span) const override;

 private:
  class Writer;

  std::unique_ptr<HttpSpan> http_;  // null: gRPC
  std::shared_ptr<const protocol::grpc::Rpc> rpc_;
  std::string path_;
  std::string host_;
  std::string unread_;  // Exchange::unknown
  uint64_t begin_ns_;   // CLOCK_MONOTONIC of start_unix_ns
  int http_status_;
  protocol::Outcome outcome_;
};

}  // namespace tracelet::span
