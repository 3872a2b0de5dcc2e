#include "agent/span/rules/python.h"

#include <algorithm>

namespace tracelet::span {
namespace {

// 0: its thread was in none.
uint64_t FamilyOf(const RequestStart& start) {
  return start.first.evidence_type == EVIDENCE_PYTHON ? start.first.evidence : 0;
}

}  // namespace

void PythonRule::OnServerStart(const RequestPtr& server) {
  const uint64_t number = FamilyOf(server->start);
  if (number == 0) return;
  Open& open = open_[{server->start.first.process, number}];
  open.met |= !open.requests.empty();
  open.requests.push_back(server);
}

void PythonRule::OnServerEnd(const Request& server) {
  const auto family = open_.find({server.start.first.process, FamilyOf(server.start)});
  if (family == open_.end()) return;
  std::erase_if(family->second.requests, [&](const RequestPtr& one) { return one.get() == &server; });
  if (family->second.requests.empty()) open_.erase(family);
}

void PythonRule::OnLinked(const RequestPtr& call, const Request& parent) {
  if (ThreadOf(call->start.first) != ThreadOf(parent.start.first)) elsewhere_[&parent].Add(call);
}

std::vector<RequestPtr> PythonRule::OnServerOver(const Request& server, bool events_lost) {
  if (elsewhere_.empty()) return {};
  auto calls = elsewhere_.extract(&server);
  return events_lost && !calls.empty() ? calls.mapped().Take() : std::vector<RequestPtr>();
}

Verdict PythonRule::Ask(const Request& client, const OpenRequests& open) const {
  const RequestStart& call = client.start;
  const uint64_t number = FamilyOf(call);
  if (number == 0 || open.CountIn(call.first.process) == 0) return {};
  if (!open.Complete() || call.events_lost) return Refuse(LinkRefusal::kLostEvent);
  if (call.multiplexed) return Refuse(LinkRefusal::kDeferredWork);
  const auto family = open_.find({call.first.process, number});
  if (family == open_.end()) return Refuse(LinkRefusal::kNoEvidence);
  const RequestPtr& server = family->second.requests.front();
  if (family->second.met || server->start.multiplexed) return Refuse(LinkRefusal::kAmbiguous);
  const bool same_thread = ThreadOf(server->start.first) == ThreadOf(call.first);
  if (server->start.events_lost || (same_thread && server->start.first.lost != call.first.lost)) {
    return Refuse(LinkRefusal::kLostEvent);
  }
  const uint64_t branch = call.first.evidence_parent;
  if (branch != 0 && branch < server->start.first.time_ns) return Refuse(LinkRefusal::kDeferredWork);
  return {.parent = server, .remote = nullptr, .candidates = {}};
}

}  // namespace tracelet::span
