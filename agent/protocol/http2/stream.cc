#include "agent/protocol/http2/stream.h"

#include <algorithm>
#include <string>
#include <utility>

namespace tracelet::protocol::http2 {
namespace {

// A deadline that passes shows as a reset a little later, or, because it is rounded, a little earlier.
constexpr uint64_t kDeadlineSlackNs = 5'000'000;

std::string Names(const Unknown& unknown) {
  std::string names;
  for (const auto& [is_unknown, name] : {std::pair{unknown.method, "method"},
                                         {unknown.path, "path"},
                                         {unknown.request_fields, "request_fields"},
                                         {unknown.status, "status"},
                                         {unknown.response_fields, "response_fields"}}) {
    if (is_unknown) names.append(names.empty() ? "" : ",").append(name);
  }
  return names;
}

}  // namespace

void Stream::Recognise(const std::string& content_type) {
  if (exchange.rpc || grpc::SystemOf(content_type) != grpc::System::kGrpc) return;
  exchange.rpc = std::make_shared<grpc::Rpc>();
}

void Stream::OnRequestHead(Headers& headers) {
  const bool doubt = headers.unknown > 0 || headers.damaged;
  unknown.method = doubt && headers.method.empty();
  unknown.path = doubt && headers.path.empty() && headers.method != "CONNECT";
  unknown.request_fields = doubt;
  rpc_possible = doubt && headers.content_type.empty();
  Recognise(headers.content_type);
  if (exchange.rpc) exchange.rpc->deadline_ns = headers.grpc_timeout_ns;
  exchange.version = "2";
  exchange.method = std::move(headers.method);
  exchange.target = std::move(headers.path);
  exchange.host = std::move(headers.authority);
  exchange.user_agent = std::move(headers.user_agent);
  exchange.propagation = std::move(headers.propagation);
}

void Stream::OnResponseHead(Headers& headers) {
  const bool doubt = headers.unknown > 0 || headers.damaged;
  exchange.status = headers.status;
  unknown.status = doubt && !headers.of_response;
  unknown.response_fields = doubt;
  Recognise(headers.content_type);
  if (headers.grpc_status) OnTrailers(headers);
}

void Stream::OnTrailers(const Headers& headers) {
  if (headers.unknown > 0 || headers.damaged) unknown.response_fields = true;
  if (!headers.grpc_status) return;
  if (!exchange.rpc && rpc_possible) exchange.rpc = std::make_shared<grpc::Rpc>();
  if (exchange.rpc) exchange.rpc->status = headers.grpc_status;
}

void Stream::Lose() {
  lost = true;
  LoseBytes();
}

void Stream::LoseBytes() {
  exact = false;
  sent.Lose();
  received.Lose();
}

void Stream::AddProgress(uint64_t now_ns) {
  auto& progress = exchange.rpc->progress;
  const bool moved = progress.empty() || progress.back().sent.count != sent.messages().count ||
                     progress.back().received.count != received.messages().count;
  if (moved) progress.push_back({progress_due_ns, sent.messages(), received.messages()});
  const uint64_t began_ns = exchange.request.first.time_ns;
  while (progress_due_ns <= now_ns) progress_due_ns += progress_due_ns - began_ns;
}

void Stream::CloseRpc() {
  NoteProgress(std::max(last_ns, exchange.ended_ns));
  grpc::Rpc& rpc = *exchange.rpc;
  rpc.sent = std::make_shared<grpc::Messages>(sent.messages());
  rpc.received = std::make_shared<grpc::Messages>(received.messages());
  // A reset stands for a status only where no trailers came: a server also resets what it has answered
  // (RFC 9113, 8.1), and the trailers' own status may be among the fields that are not known.
  if (rpc.status || !reset || lost || unseen || response_ended) return;
  rpc.status_from_reset = true;
  rpc.status = grpc::StatusOfReset(reset->code);
  const uint64_t began_ns = exchange.request.first.time_ns;
  const bool late = rpc.deadline_ns && reset->time_ns + kDeadlineSlackNs >= began_ns + *rpc.deadline_ns;
  if (rpc.status == grpc::kCancelled && late) rpc.status = grpc::kDeadlineExceeded;
}

void Stream::Close(Outcome rest) {
  exchange.outcome = rest;
  if (response_ended) {
    exchange.outcome = exchange.response.started ? Outcome::kComplete : Outcome::kLost;
  } else if (reset) {
    exchange.outcome = reset->by_client ? Outcome::kAborted : Outcome::kReset;
  } else if (lost || unseen) {
    exchange.outcome = Outcome::kLost;
  }
  exchange.request.complete = request_ended;
  exchange.request.body_exact = request_ended && exact;
  exchange.response.complete = response_ended;
  exchange.response.body_exact = response_ended && exact;
  exchange.unknown = Names(unknown);
  if (exchange.rpc) CloseRpc();
}

}  // namespace tracelet::protocol::http2
