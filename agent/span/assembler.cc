#include "agent/span/assembler.h"

#include <algorithm>

#include "agent/span/propagation.h"
#include "agent/span/rpc_span.h"

namespace tracelet::span {
namespace {

// Identifies a request on this host: two differ unless a socket's address, inode and
// sequence numbers all came again.
uint64_t FallbackId(const conn::ConnectionInfo& connection, const protocol::Exchange& exchange) {
  const conn_id& id = connection.id;
  uint64_t mixed = id.sock;
  for (uint64_t part : {uint64_t{id.inode}, uint64_t{id.tx_base} << 32 | id.rx_base, exchange.request.begin,
                        exchange.request.first.time_ns}) {
    mixed = (mixed ^ part) * 0x9e3779b97f4a7c15ULL;
    mixed ^= mixed >> 29;
  }
  return mixed;
}

// Of a client's: whether it has read the answer itself.
Answerer AnsweredBy(const protocol::Exchange& exchange) {
  const conn::Operation& read = exchange.request.first;
  const conn::Operation& written = exchange.response.first;
  if (!exchange.response.started) return Answerer::kNobody;
  const bool same = read.tid == written.tid && read.thread_start == written.thread_start;
  return same && read.process == written.process ? Answerer::kReader : Answerer::kOther;
}

}  // namespace

std::optional<MessageName> NameRequest(const conn::ConnectionInfo& connection, conn::Direction direction,
                                       uint64_t offset, uint32_t stream_id, LinkRefusal& refusal) {
  const bool client = direction == conn::Direction::kSend;
  const bool promised = stream_id != 0 && stream_id % 2 == 0;
  const bool sent = client != promised;
  refusal = LinkRefusal::kNone;
  if ((connection.flags & (CONN_TORN_BASE | CONN_UNNAMEABLE)) != 0) {
    refusal = connection.adopted() ? LinkRefusal::kAdopted : LinkRefusal::kNoEvidence;
    return std::nullopt;
  }
  if (connection.offsets_doubtful) {
    refusal = LinkRefusal::kLostEvent;
    return std::nullopt;
  }
  MessageName name;
  name.offset = offset;
  if (connection.records) {
    const auto position = connection.records->Find(sent ? conn::Direction::kSend : conn::Direction::kReceive, offset);
    if (!position) {
      refusal = connection.adopted() ? LinkRefusal::kAdopted : LinkRefusal::kNoEvidence;
      return std::nullopt;
    }
    name.offset = *position;
  }
  name.stream_id = stream_id;
  if (connection.is_unix()) {
    name.unix_socket = true;
    name.client_base = client ? connection.id.inode : connection.peer_inode;
    if (connection.adopted()) refusal = LinkRefusal::kAdopted;
    if (name.client_base == 0) refusal = LinkRefusal::kNoEvidence;
    return refusal == LinkRefusal::kNone ? std::optional(name) : std::nullopt;
  }
  name.client_base = client ? connection.id.tx_base : connection.id.rx_base;
  name.server_base = client ? connection.id.rx_base : connection.id.tx_base;
  if (client && connection.adopted()) {
    // The end that connected counts its SYN: struct conn_id, bpf/events.h.
    ++name.client_base;
    if (sent) --name.offset;
  }
  return name;
}

Assembler::Assembler(RequestSink& sink, HttpSpanOptions options, size_t max_processes)
    : sink_(sink), options_(std::move(options)), max_processes_(max_processes) {}

void Assembler::OnProcess(const process::ProcessInfo& info) {
  if (processes_.size() >= max_processes_ && !processes_.contains(info.key)) {
    ++processes_forgotten_;
    processes_.erase(processes_.begin());
  }
  processes_[info.key] = std::make_shared<const process::ProcessInfo>(info);
}

Assembler::ProcessPtr Assembler::Process(const process::ProcessKey& key) {
  const auto found = processes_.find(key);
  if (found != processes_.end()) return found->second;
  process::ProcessInfo unknown;
  unknown.key = key;
  unknown.service_name = "unknown_service";  // OpenTelemetry's word, SDK resource specification
  OnProcess(unknown);
  return processes_[key];
}

void Assembler::OnRequest(const conn::ConnectionInfo& connection, conn::Direction direction,
                          const protocol::Exchange& exchange) {
  const protocol::Message& request = exchange.request;
  const uint64_t handle = next_handle_++;
  const ProcessPtr process = Process(request.first.process);
  open_[{connection.number, exchange.id}] = Open{handle, process};

  RequestStart start;
  start.kind = direction == conn::Direction::kSend ? Kind::kClient : Kind::kServer;
  start.first = request.first;
  start.one_thread = request.one_thread;
  start.blocking = request.blocking;
  start.multiplexed = exchange.stream_id != 0;
  start.stream_id = exchange.stream_id;
  start.connection = connection.number;
  start.connection_adopted = connection.adopted();
  start.events_lost = connection.events_lost;
  start.accept_tid = connection.accept_tid;
  start.accept_waits = connection.accept_waits;
  start.exchange = exchange.id;
  start.pushed = exchange.pushed;
  if (exchange.pushed_with != 0) {
    const auto with = open_.find({connection.number, exchange.pushed_with});
    if (with != open_.end()) start.pushed_with = with->second.handle;
  }
  if (connection.cause.kind != conn::LoopCause::Kind::kNone) start.cause = connection.cause;
  start.loop_unsupported = process->loop_unsupported;
  start.go_cause = start.multiplexed ? conn::GoCauseOf(request.first) : connection.go_cause;
  start.goroutines_unsupported = process->goroutines_unsupported;
  start.name = NameRequest(connection, direction, request.begin, exchange.stream_id, start.unnamed);
  start.fallback_id = FallbackId(connection, exchange);
  start.context = ParseContext(exchange.propagation);
  start.endpoints = connection.endpoints;
  start.method = exchange.method;
  sink_.OnRequestStart(handle, std::move(start));
}

void Assembler::OnOpenEndedResponse(const conn::ConnectionInfo& connection, const protocol::Exchange& exchange) {
  const auto open = open_.find({connection.number, exchange.id});
  if (open != open_.end()) sink_.OnResponseOpenEnded(open->second.handle);
}

void Assembler::OnExchange(const conn::ConnectionInfo& connection, conn::Direction direction,
                           protocol::Exchange&& exchange) {
  auto open = open_.extract({connection.number, exchange.id});
  if (open.empty()) return;
  const Kind kind = direction == conn::Direction::kSend ? Kind::kClient : Kind::kServer;
  std::unique_ptr<HeldSpan> span;
  if (exchange.rpc) {
    span = std::make_unique<RpcSpan>(kind, exchange, options_);
  } else {
    span = std::make_unique<HttpSpan>(kind, exchange, options_);
  }
  span->process = std::move(open.mapped().process);
  if (kind == Kind::kServer) {
    span->answered_by = AnsweredBy(exchange);
    span->events_lost =
        exchange.outcome == protocol::Outcome::kLost ||
        (span->answered_by == Answerer::kReader && exchange.request.first.lost != exchange.response.first.lost);
    if (exchange.response.started) sink_.OnAnswered(open.mapped().handle, exchange.response.first);
  } else {
    span->waited_for = exchange.response.blocking && AnsweredBy(exchange) == Answerer::kReader;
  }
  const uint64_t begin_ns = exchange.request.first.time_ns;
  const uint64_t last_byte_ns =
      exchange.response.started ? exchange.response.last_byte_ns : exchange.request.last_byte_ns;
  const uint64_t end_ns = std::max({begin_ns, last_byte_ns, exchange.ended_ns});
  span->start_unix_ns = ToUnix(begin_ns);
  span->end_unix_ns = ToUnix(end_ns);
  sink_.OnRequestEnd(open.mapped().handle, std::move(span));
}

}  // namespace tracelet::span
