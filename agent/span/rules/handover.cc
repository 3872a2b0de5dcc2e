#include "agent/span/rules/handover.h"

#include <algorithm>

namespace tracelet::span {
namespace {

bool Counts(const RequestStart& server) { return server.first.evidence_type == EVIDENCE_PYTHON; }

// Why `server`, the only request that the giver has open, is not the job's.
LinkRefusal Doubt(const Request& request, const conn::Operation& call) {
  const RequestStart& server = request.start;
  if (!server.first.waits_known || server.events_lost) return LinkRefusal::kLostEvent;
  if (!call.giver_lost || *call.giver_lost != server.first.lost) return LinkRefusal::kLostEvent;
  if (server.first.waits != 0 && !AcceptedItself(server)) return LinkRefusal::kEventLoop;
  if (!server.one_thread || !server.blocking) return LinkRefusal::kNoEvidence;
  if (!request.thread_trusted) return LinkRefusal::kAdopted;
  const auto given_at = static_cast<uint32_t>(call.evidence_parent);
  const bool read_later = static_cast<int32_t>(server.first.attempts - given_at) > 0;
  return read_later ? LinkRefusal::kDeferredWork : LinkRefusal::kNone;
}

}  // namespace

void HandoverRule::OnServerStart(const RequestPtr& server) {
  if (!Counts(server->start)) return;
  Open& open = open_[ThreadOf(server->start.first)];
  open.met |= !open.requests.empty();
  open.requests.push_back(server);
}

void HandoverRule::OnServerEnd(const Request& server) {
  if (!Counts(server.start)) return;
  const auto thread = open_.find(ThreadOf(server.start.first));
  if (thread == open_.end()) return;
  std::erase_if(thread->second.requests, [&](const RequestPtr& one) { return one.get() == &server; });
  if (thread->second.requests.empty()) open_.erase(thread);
}

Verdict HandoverRule::Ask(const Request& client, const OpenRequests& open) const {
  const RequestStart& call = client.start;
  if (call.first.evidence_type != EVIDENCE_HANDOVER || open.CountIn(call.first.process) == 0) return {};
  if (!open.Complete() || call.events_lost) return Refuse(LinkRefusal::kLostEvent);
  if (call.multiplexed) return Refuse(LinkRefusal::kDeferredWork);
  const auto giver = open_.find({.process = call.first.process,
                                 .tid = static_cast<uint32_t>(call.first.evidence >> 32),
                                 .thread_start = static_cast<uint32_t>(call.first.evidence)});
  if (giver == open_.end()) return Refuse(LinkRefusal::kNoEvidence);
  if (giver->second.met || open.SharedIn(call.first.process) != 0) return Refuse(LinkRefusal::kAmbiguous);
  const RequestPtr& server = giver->second.requests.front();
  const LinkRefusal doubt = Doubt(*server, call.first);
  if (doubt != LinkRefusal::kNone) return Refuse(doubt);
  return {.parent = server, .remote = nullptr, .candidates = {}};
}

}  // namespace tracelet::span
