#include "agent/span/rules/sequence.h"

namespace tracelet::span {
namespace {

RequestPtr& SideOf(SequenceRule::Pair& pair, const Request& request) {
  return request.start.kind == Kind::kClient ? pair.client : pair.server;
}

}  // namespace

bool SequenceRule::Taken(const RequestStart& start) const {
  if (!start.name) return false;
  const auto found = pairs_.find(*start.name);
  if (found == pairs_.end()) return false;
  return (start.kind == Kind::kClient ? found->second.client : found->second.server) != nullptr;
}

const SequenceRule::Pair* SequenceRule::Find(const MessageName& name) const {
  const auto found = pairs_.find(name);
  return found == pairs_.end() ? nullptr : &found->second;
}

const SequenceRule::Pair* SequenceRule::Add(const RequestPtr& request) {
  if (!request->start.name) return nullptr;
  Pair& pair = pairs_[*request->start.name];
  ++pair.members;
  RequestPtr& side = SideOf(pair, *request);
  if (side) {
    pair.conflict = true;
  } else {
    side = request;
  }
  // Headers are the same bytes at both ends.
  if (pair.client && pair.server && pair.client->start.context && pair.server->start.context) {
    const TraceContext& sent = *pair.client->start.context;
    const TraceContext& received = *pair.server->start.context;
    pair.conflict |= sent.trace_id != received.trace_id || sent.parent_id != received.parent_id;
  }
  return &pair;
}

void SequenceRule::Remove(const Request& request) {
  if (!request.start.name) return;
  const auto found = pairs_.find(*request.start.name);
  if (found == pairs_.end()) return;
  Pair& pair = found->second;
  RequestPtr& side = SideOf(pair, request);
  // In a conflict the place stays taken until the last of this name has gone.
  if (side.get() == &request && !pair.conflict) side = nullptr;
  if (--pair.members == 0) pairs_.erase(found);
}

}  // namespace tracelet::span
