#include "agent/span/rules/peer.h"

#include <algorithm>
#include <array>

namespace tracelet::span {
namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kFirstPauseNs = 100 * kMs;  // doubles
constexpr uint64_t kPendingPauseNs = 40 * kMs;

}  // namespace

std::string_view Name(PeerOutcome outcome) {
  static constexpr std::array<std::string_view, static_cast<size_t>(PeerOutcome::kCount)> kNames = {
      "answered", "unknown", "timed_out", "refused", "withdrawn", "table_full"};
  return kNames[static_cast<size_t>(outcome)];
}

PeerRule::PeerRule(const config::Peer& config, const InstallationKey& key, PeerLink* link)
    : config_(config), key_(key), link_(link) {}

void PeerRule::OnServerStart(const RequestPtr& server) {
  const RequestStart& start = server->start;
  if (link_ == nullptr || !start.name || start.name->unix_socket || !start.endpoints) return;
  if (!link_->Knows(start.endpoints->remote_address)) return;
  ++ledger_.begun;
  if (open_.size() >= config_.max_questions) return ledger_.ended.Add(PeerOutcome::kTableFull);
  ++ledger_.open;
  const auto question = open_.emplace(next_question_++, Question{.request = server}).first;
  question->second.deadline_ns = start.first.time_ns + config_.patience_ms * kMs;
  question->second.pause_ns = kFirstPauseNs;
  server->node.Await(question->second.deadline_ns);
  Schedule(question, start.first.time_ns + config_.settle_ms * kMs);
}

void PeerRule::Schedule(Open::iterator question, uint64_t at_ns) {
  question->second.due_ns = std::min(at_ns, question->second.deadline_ns);
  due_.push({question->second.due_ns, question->first});
}

void PeerRule::OnWatermark(uint64_t now_ns) {
  if (link_ == nullptr) return;
  for (const PeerReply& reply : link_->TakeReplies()) Hear(reply, now_ns);
  while (!due_.empty() && due_.top().at_ns <= now_ns) {
    const Due due = due_.top();
    due_.pop();
    const auto question = open_.find(due.question);
    // Scheduled anew since.
    if (question == open_.end() || question->second.due_ns != due.at_ns) continue;
    if (question->second.request->node.parent() != nullptr) {
      End(question, PeerOutcome::kWithdrawn);
    } else if (now_ns >= question->second.deadline_ns) {
      End(question, question->second.so_far);
    } else {
      Ask(question, now_ns);
    }
  }
}

void PeerRule::Ask(Open::iterator question, uint64_t now_ns) {
  Question& asked = question->second;
  if (asked.outstanding == 0) {
    const RequestStart& start = asked.request->start;
    asked.outstanding = link_->Ask(question->first, *start.name, start.endpoints->remote_address);
    ledger_.asked += asked.outstanding;
  }
  Schedule(question, now_ns + asked.pause_ns);
  asked.pause_ns *= 2;
}

void PeerRule::Hear(const PeerReply& reply, uint64_t now_ns) {
  const auto question = open_.find(reply.question);
  if (question == open_.end()) return;
  Question& asked = question->second;
  asked.outstanding -= asked.outstanding > 0 ? 1 : 0;
  if (reply.kind == PeerReply::Kind::kRefused) {
    asked.so_far = PeerOutcome::kRefused;
  } else if (reply.kind == PeerReply::Kind::kAnswer) {
    if (reply.answer.kind == PeerAnswer::Kind::kFinal) return End(question, Apply(*asked.request, reply.answer));
    if (reply.answer.kind == PeerAnswer::Kind::kUnknown) {
      if (asked.so_far == PeerOutcome::kTimedOut) asked.so_far = PeerOutcome::kUnknown;
      return;
    }
    asked.so_far = PeerOutcome::kTimedOut;
    const uint64_t longest_ns = asked.request->start.first.time_ns + config_.max_wait_ms * kMs;
    const uint64_t wanted_ns = now_ns + (reply.answer.wait_ms + config_.timeout_ms) * kMs;
    asked.deadline_ns = std::max(asked.deadline_ns, std::min(wanted_ns, longest_ns));
    asked.request->node.Await(asked.deadline_ns);
    Schedule(question, now_ns + kPendingPauseNs);
  }
}

PeerOutcome PeerRule::Apply(Request& request, const PeerAnswer& answer) {
  if (request.node.parent() != nullptr) return PeerOutcome::kWithdrawn;
  if (request.passed_on) return PeerOutcome::kTimedOut;
  // A caller that traces itself has put the id of its own span into the header.
  const bool named = answer.span_id == IdsOf(*request.start.name, key_).client ||
                     (request.start.context && answer.span_id == request.start.context->parent_id);
  if (!named) return PeerOutcome::kRefused;
  if (!request.node.Adopt(answer.trace_id, answer.sampled)) return PeerOutcome::kRefused;
  request.link = LinkRule::kPeer;
  request.refused = LinkRefusal::kNone;
  request.remote_parent = answer.span_id;
  return PeerOutcome::kAnswered;
}

void PeerRule::End(Open::iterator question, PeerOutcome outcome) {
  Request& request = *question->second.request;
  // A header may have named another parent, which stands.
  const bool nothing_known = request.link == LinkRule::kNone && request.refused == LinkRefusal::kNone;
  if (nothing_known && request.node.parent() == nullptr) {
    if (outcome == PeerOutcome::kUnknown) {
      request.refused = LinkRefusal::kUnknownToPeer;
    } else if (outcome != PeerOutcome::kWithdrawn) {
      request.refused = LinkRefusal::kNoAnswer;
      request.remote_parent = IdsOf(*request.start.name, key_).client;
    }
  }
  request.node.Await(0);
  ledger_.ended.Add(outcome);
  --ledger_.open;
  open_.erase(question);
}

void PeerRule::Told(PeerAnswer::Kind kind) {
  uint64_t& count = kind == PeerAnswer::Kind::kFinal     ? ledger_.told_final
                    : kind == PeerAnswer::Kind::kPending ? ledger_.told_pending
                                                         : ledger_.told_unknown;
  ++count;
}

}  // namespace tracelet::span
