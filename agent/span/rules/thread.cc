#include "agent/span/rules/thread.h"

namespace tracelet::span {
namespace {

constexpr size_t kMaxCandidates = 8;  // span links on one span

// Why `server`, the only open request on the thread that makes `call`, is not its parent.
LinkRefusal Doubt(const Request& request, const RequestStart& call) {
  const RequestStart& server = request.start;
  if (!server.first.waits_known || !call.first.waits_known) return LinkRefusal::kLostEvent;
  if (server.first.waits != call.first.waits) return LinkRefusal::kEventLoop;
  if (server.first.waits != 0 && !AcceptedItself(server)) return LinkRefusal::kEventLoop;
  if (server.events_lost || server.first.lost != call.first.lost) return LinkRefusal::kLostEvent;
  if (!server.one_thread || !call.one_thread) return LinkRefusal::kNoEvidence;
  if (!request.thread_trusted) return LinkRefusal::kAdopted;
  return LinkRefusal::kNone;
}

}  // namespace

void ThreadRule::OnServerStart(Request& server) {
  const RequestStart& start = server.start;
  server.thread_trusted = start.first.thread_born;
  if (start.first.thread_born) return;
  const auto past = adopted_.find(ThreadOf(start.first));
  if (past == adopted_.end() || past->second.blocking != start.blocking) return;
  past->second.trusted |= start.connection == past->second.connection || AcceptedItself(start) ||
                          start.first.time_ns >= past->second.read_ns + kLongestTurnNs;
  server.thread_trusted = past->second.trusted;
}

std::vector<RequestPtr> ThreadRule::OnServerEnd(const Request& server, Answerer by, const OpenRequests& open) {
  const RequestStart& start = server.start;
  if (!server.thread_trusted && start.one_thread && start.first.waits_known) {
    if (adopted_.size() >= max_threads_) adopted_.clear();
    const Past past{.read_ns = start.first.time_ns, .connection = start.connection, .blocking = start.blocking};
    adopted_.try_emplace(ThreadOf(start.first), past);
  }
  return habits_.OnAnswered(start, by, open);
}

Verdict ThreadRule::Ask(const Request& client, const OpenRequests& open) const {
  const RequestStart& call = client.start;
  if (!open.Complete()) return Refuse(LinkRefusal::kLostEvent);
  if (open.CountIn(call.first.process) == 0) return {};
  const auto mine = open.OnThread(ThreadOf(call.first));
  if (mine.size() == 1) {
    LinkRefusal doubt = Doubt(*mine.front(), call);
    if (doubt == LinkRefusal::kNone) doubt = habits_.Doubt(mine.front()->start);
    if (doubt != LinkRefusal::kNone) return Refuse(doubt);
    if (open.SharedIn(call.first.process) != 0) return Refuse(LinkRefusal::kAmbiguous);
    return {.parent = mine.front(), .remote = nullptr, .candidates = {}};
  }
  if (!call.first.waits_known) return Refuse(LinkRefusal::kLostEvent);
  if (call.first.waits != 0) return Refuse(LinkRefusal::kEventLoop);
  Verdict verdict = Refuse(mine.empty() ? LinkRefusal::kNoEvidence : LinkRefusal::kAmbiguous);
  if (mine.size() <= kMaxCandidates) verdict.candidates.assign(mine.begin(), mine.end());
  return verdict;
}

}  // namespace tracelet::span
