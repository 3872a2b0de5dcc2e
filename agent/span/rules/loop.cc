#include "agent/span/rules/loop.h"

#include <array>

namespace tracelet::span {
namespace {

Verdict Refuse(LinkRefusal reason) {
  return {.parent = nullptr, .remote = nullptr, .refused = reason, .candidates = {}};
}
Verdict Parent(RequestPtr parent) { return {.parent = std::move(parent), .remote = nullptr, .candidates = {}}; }

// By LoopCause::Kind.
constexpr std::array kReasons = {
    LinkRefusal::kNone,       LinkRefusal::kNone,         LinkRefusal::kEventLoop,
    LinkRefusal::kTimer,      LinkRefusal::kDeferredWork, LinkRefusal::kPool,
    LinkRefusal::kNoEvidence, LinkRefusal::kAmbiguous,    LinkRefusal::kLostEvent,
};

}  // namespace

void LoopRule::OnServerStart(const RequestPtr& server) { servers_[server->start.connection] = server; }

void LoopRule::OnServerEnd(const Request& server) {
  const auto latest = servers_.find(server.start.connection);
  if (latest != servers_.end() && latest->second.get() == &server) servers_.erase(latest);
}

void LoopRule::OnLinked(const Request& call, const Request& parent) {
  if (call.start.cause.kind == conn::LoopCause::Kind::kNone) return;
  if (calls_.size() >= max_calls_ && !calls_.contains(call.start.connection)) calls_.clear();
  calls_[call.start.connection] = Call{call.start.exchange, parent.start.connection, parent.start.exchange};
}

RequestPtr LoopRule::Open(uint64_t connection, uint64_t exchange) const {
  const auto latest = servers_.find(connection);
  return latest != servers_.end() && latest->second->start.exchange == exchange ? latest->second : nullptr;
}

Verdict LoopRule::AskAnswered(const RequestStart& call, const OpenRequests& open) const {
  const auto answered = calls_.find(call.cause.connection);
  if (answered == calls_.end() || answered->second.exchange != call.cause.exchange) {
    return Refuse(LinkRefusal::kNoEvidence);
  }
  if (open.CountIn(call.first.process) != 1) return Refuse(LinkRefusal::kAmbiguous);
  RequestPtr parent = Open(answered->second.parent_connection, answered->second.parent_exchange);
  return parent ? Parent(std::move(parent)) : Refuse(LinkRefusal::kNoEvidence);
}

Verdict LoopRule::Ask(const Request& client, const OpenRequests& open) const {
  const RequestStart& call = client.start;
  const conn::LoopCause& cause = call.cause;
  if (open.CountIn(call.first.process) == 0) return {};
  if (cause.kind == conn::LoopCause::Kind::kNone) {
    return call.loop_unsupported && call.first.waits != 0 ? Refuse(LinkRefusal::kUnsupportedRuntime) : Verdict{};
  }
  if (!open.Complete() || call.events_lost) return Refuse(LinkRefusal::kLostEvent);
  if (cause.kind != conn::LoopCause::Kind::kRead) return Refuse(kReasons[static_cast<size_t>(cause.kind)]);
  if (call.multiplexed) return Refuse(LinkRefusal::kDeferredWork);
  if (cause.connection == call.connection) return Refuse(LinkRefusal::kQueue);
  RequestPtr server = Open(cause.connection, cause.exchange);
  return server ? Parent(std::move(server)) : AskAnswered(call, open);
}

}  // namespace tracelet::span
