#include "agent/span/rules/goroutine.h"

namespace tracelet::span {
namespace {

bool Counts(const RequestStart& server) { return server.go_cause.known && server.go_cause.owner != 0; }

// Of an HTTP/2 connection's requests, each has an owner of its own, if its goroutine says which it serves.
uint64_t StreamOwner(const RequestStart& server) { return GO_STREAM_OWNER(server.go_cause.owner, server.stream_id); }

}  // namespace

void GoroutineRule::OnServerStart(const RequestPtr& server) {
  const RequestStart& start = server->start;
  if (!Counts(start)) return;
  by_read_[{start.first.process, start.go_cause.owner, start.go_cause.turn}].push_back(server);
  if (start.multiplexed) by_read_[{start.first.process, StreamOwner(start), start.go_cause.turn}].push_back(server);
  by_owner_[{start.first.process, start.go_cause.owner}].push_back(server);
}

void GoroutineRule::Erase(Index& index, const Key& key, const Request& server) {
  const auto found = index.find(key);
  if (found == index.end()) return;
  std::erase_if(found->second, [&](const RequestPtr& other) { return other.get() == &server; });
  if (found->second.empty()) index.erase(found);
}

void GoroutineRule::OnServerReleased(const Request& server) {
  if (Counts(server.start)) Erase(by_owner_, {server.start.first.process, server.start.go_cause.owner}, server);
}

void GoroutineRule::OnServerEnd(const Request& server) {
  if (!Counts(server.start)) return;
  OnServerReleased(server);
  const RequestStart& start = server.start;
  Erase(by_read_, {start.first.process, start.go_cause.owner, start.go_cause.turn}, server);
  if (start.multiplexed) Erase(by_read_, {start.first.process, StreamOwner(start), start.go_cause.turn}, server);
}

Verdict GoroutineRule::Ask(const Request& client, const OpenRequests& open) const {
  const RequestStart& call = client.start;
  const conn::GoCause& cause = call.go_cause;
  if (open.CountIn(call.first.process) == 0) return {};
  if (call.goroutines_unsupported) return Refuse(LinkRefusal::kUnsupportedRuntime);
  if (!cause.known) return {};
  if (!open.Complete() || call.events_lost) return Refuse(LinkRefusal::kLostEvent);
  if (cause.owner == 0) return Refuse(cause.turn == GO_QUEUE ? LinkRefusal::kQueue : LinkRefusal::kNoEvidence);
  const auto read = by_read_.find({call.first.process, cause.owner, cause.turn});
  if (read == by_read_.end()) return Refuse(LinkRefusal::kDeferredWork);
  const auto owned = by_owner_.find({call.first.process, cause.owner});
  if (read->second.size() > 1 || (owned != by_owner_.end() && owned->second.size() > 1)) {
    return Refuse(LinkRefusal::kAmbiguous);
  }
  const RequestStart& parent = read->second.front()->start;
  if (parent.multiplexed && cause.owner == parent.go_cause.owner) return Refuse(LinkRefusal::kAmbiguous);
  return {.parent = read->second.front(), .remote = nullptr, .candidates = {}};
}

}  // namespace tracelet::span
