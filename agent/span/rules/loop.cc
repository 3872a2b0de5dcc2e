#include "agent/span/rules/loop.h"

#include <array>

namespace tracelet::span {
namespace {

Verdict Parent(RequestPtr parent) { return {.parent = std::move(parent), .remote = nullptr, .candidates = {}}; }

// By LoopCause::Kind.
constexpr std::array kReasons = {
    LinkRefusal::kNone,       LinkRefusal::kNone,         LinkRefusal::kEventLoop,
    LinkRefusal::kTimer,      LinkRefusal::kDeferredWork, LinkRefusal::kPool,
    LinkRefusal::kNoEvidence, LinkRefusal::kAmbiguous,    LinkRefusal::kLostEvent,
};

}  // namespace

void LoopRule::OnServerStart(const RequestPtr& server, const OpenRequests& open) {
  InProcess& process = processes_[server->start.first.process];
  process.loop |= server->start.first.evidence_type == EVIDENCE_LOOP;
  if (process.loop) servers_[server->start.connection] = server;
  const bool quiet = process.calls == 0 && open.CountIn(server->start.first.process) == 0 && open.Complete();
  process.alone = quiet ? server.get() : nullptr;
}

void LoopRule::OnCallStart(const Request& call) { ++processes_[call.start.first.process].calls; }

void LoopRule::OnCallEnd(const Request& call) {
  const auto process = processes_.find(call.start.first.process);
  if (process == processes_.end()) return;
  process->second.calls -= process->second.calls > 0 ? 1 : 0;
  ForgetQuiet();
}

void LoopRule::ForgetQuiet() {
  places_.Sweep(processes_, [](const InProcess& process) { return process.calls == 0 && process.alone == nullptr; });
}

void LoopRule::OnServerEnd(const Request& server) {
  const auto process = processes_.find(server.start.first.process);
  if (process != processes_.end() && process->second.alone == &server) process->second.alone = nullptr;
  ForgetQuiet();
  const auto latest = servers_.find(server.start.connection);
  if (latest != servers_.end() && latest->second.get() == &server) servers_.erase(latest);
}

void LoopRule::OnLinked(const Request& call, const Request& parent) {
  if (!call.start.cause) return;
  if (calls_.size() >= max_calls_ && !calls_.contains(call.start.connection)) calls_.clear();
  calls_[call.start.connection] = Call{call.start.exchange, parent.start.connection, parent.start.exchange};
}

RequestPtr LoopRule::Open(uint64_t connection, uint64_t exchange) const {
  const auto latest = servers_.find(connection);
  return latest != servers_.end() && latest->second->start.exchange == exchange ? latest->second : nullptr;
}

const Request* LoopRule::Alone(const process::ProcessKey& process) const {
  const auto found = processes_.find(process);
  return found == processes_.end() ? nullptr : found->second.alone;
}

Verdict LoopRule::AskAnswered(const RequestStart& call, const OpenRequests& open) const {
  const auto answered = calls_.find(call.cause->connection);
  if (answered == calls_.end() || answered->second.exchange != call.cause->exchange) {
    return Refuse(LinkRefusal::kNoEvidence);
  }
  if (open.CountIn(call.first.process) != 1) return Refuse(LinkRefusal::kAmbiguous);
  RequestPtr parent = Open(answered->second.parent_connection, answered->second.parent_exchange);
  const auto process = processes_.find(call.first.process);
  if (parent && (process == processes_.end() || process->second.alone != parent.get())) {
    return Refuse(LinkRefusal::kAmbiguous);
  }
  if (parent && parent->start.first.lost != call.first.lost) return Refuse(LinkRefusal::kLostEvent);
  if (parent && parent->start.first.evidence_parent != call.first.evidence_parent) {
    return Refuse(LinkRefusal::kAmbiguous);
  }
  return parent ? Parent(std::move(parent)) : Refuse(LinkRefusal::kNoEvidence);
}

Verdict LoopRule::Ask(const Request& client, const OpenRequests& open) const {
  const RequestStart& call = client.start;
  if (open.CountIn(call.first.process) == 0) return {};
  if (!call.cause) {
    return call.loop_unsupported && call.first.waits != 0 ? Refuse(LinkRefusal::kUnsupportedRuntime) : Verdict{};
  }
  const conn::LoopCause& cause = *call.cause;
  if (!open.Complete() || call.events_lost) return Refuse(LinkRefusal::kLostEvent);
  if (cause.kind != conn::LoopCause::Kind::kRead) return Refuse(kReasons[static_cast<size_t>(cause.kind)]);
  if (call.multiplexed) return Refuse(LinkRefusal::kDeferredWork);
  if (cause.connection == call.connection) return Refuse(LinkRefusal::kQueue);
  RequestPtr server = Open(cause.connection, cause.exchange);
  return server ? Parent(std::move(server)) : AskAnswered(call, open);
}

}  // namespace tracelet::span
