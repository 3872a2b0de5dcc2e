#include "agent/span/rules/python.h"

#include <algorithm>

namespace tracelet::span {
namespace {

constexpr uint32_t kBackgroundCalls = 2;  // that a request may leave behind

// 0: its thread was in none.
uint64_t FamilyOf(const RequestStart& start) {
  return start.first.evidence_type == EVIDENCE_PYTHON ? start.first.evidence : 0;
}

// 0: it is as old as the connection, or there is none.
uint64_t BranchOf(const RequestStart& start) { return FamilyOf(start) == 0 ? 0 : start.first.evidence_parent; }

}  // namespace

void PythonRule::OnServerStart(const RequestPtr& server) {
  const uint64_t family = FamilyOf(server->start);
  if (family == 0) return;
  Open& open = families_[{server->start.first.process, family}];
  open.met |= !open.requests.empty();
  open.requests.push_back(server);
}

void PythonRule::OnServerEnd(const Request& server) {
  const auto family = families_.find({server.start.first.process, FamilyOf(server.start)});
  if (family == families_.end()) return;
  std::erase_if(family->second.requests, [&](const RequestPtr& one) { return one.get() == &server; });
  if (family->second.requests.empty()) families_.erase(family);
}

bool PythonRule::IsOpen(const Request& server) const {
  const auto family = families_.find({server.start.first.process, FamilyOf(server.start)});
  return family != families_.end() &&
         std::ranges::any_of(family->second.requests, [&](const RequestPtr& one) { return one.get() == &server; });
}

std::vector<RequestPtr> PythonRule::OnCallStart(const Request& call) {
  const uint64_t number = BranchOf(call.start);
  if (number == 0) return {};
  const auto branch = branches_.find({call.start.first.process, number});
  if (branch == branches_.end() || IsOpen(*branch->second.server)) return {};
  if (++branch->second.left_behind <= kBackgroundCalls) return {};
  return branches_.extract(branch).mapped().calls.Take();
}

void PythonRule::OnLinked(const RequestPtr& call, const RequestPtr& parent, const OpenRequests& open) {
  if (ThreadOf(call->start.first) != ThreadOf(parent->start.first)) elsewhere_[parent.get()].Add(call);
  const uint64_t number = BranchOf(call->start);
  if (number == 0 || open.CountIn(call->start.first.process) == 1) return;
  places_.Sweep(branches_, [](const Branch& one) { return one.calls.PassedOn(); });
  Branch& branch = branches_[{call->start.first.process, number}];
  branch.server = parent;
  branch.calls.Add(call);
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
  const auto family = families_.find({call.first.process, number});
  if (family == families_.end()) return Refuse(LinkRefusal::kNoEvidence);
  const RequestPtr& server = family->second.requests.front();
  if (family->second.met || server->start.multiplexed) return Refuse(LinkRefusal::kAmbiguous);
  const bool same_thread = ThreadOf(server->start.first) == ThreadOf(call.first);
  if (server->start.events_lost || (same_thread && server->start.first.lost != call.first.lost)) {
    return Refuse(LinkRefusal::kLostEvent);
  }
  const uint64_t branch = BranchOf(call);
  if (branch != 0 && branch < server->start.first.time_ns) return Refuse(LinkRefusal::kDeferredWork);
  return {.parent = server, .remote = nullptr, .candidates = {}};
}

}  // namespace tracelet::span
