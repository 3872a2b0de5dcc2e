// Peer rule: the caller of a request runs on another node, whose agent knows it by the
// same name (DESIGN §5). The parent's id follows from the name; the trace id is asked for.
//
// A request without a caller here is asked about settle_ms after its start, again while
// the other agent knows nothing of it (events travel) or is still waiting itself, and is
// a root when patience_ms are over: the derived parent is then only recorded. While a
// question is open, no span of the request's trace is final (TraceNode::Await), so what
// this agent tells others, and passes on, is what it was told.
//
// What would look right and is not, so it is refused: an answer with another span id than
// the name gives (keys differ), one that comes when the trace was told to somebody.
//
// Bounded by config::Peer.max_questions. Capture thread.
#pragma once

#include <cstdint>
#include <queue>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/base/counters.h"
#include "agent/span/open_requests.h"
#include "agent/span/peer_link.h"
#include "config/config.h"

namespace tracelet::span {

// How a question ended.
enum class PeerOutcome : uint8_t {
  kAnswered,   // the request has its caller's trace
  kUnknown,    // no agent that was asked has seen the call
  kTimedOut,   // no answer, or none that was final, in time
  kRefused,    // by the other agent, or its answer cannot be
  kWithdrawn,  // the caller was found on this node
  kTableFull,  // too many questions were open: not asked
  kCount,
};
std::string_view Name(PeerOutcome outcome);

// begun == ended + open, at any time.
struct PeerLedger {
  uint64_t begun = 0;
  uint64_t open = 0;
  uint64_t asked = 0;  // times that an agent was asked
  Counters<PeerOutcome> ended;
  // Questions of others, by what was answered.
  uint64_t told_final = 0;
  uint64_t told_pending = 0;
  uint64_t told_unknown = 0;
};

class PeerRule {
 public:
  // `link` null: nobody is asked.
  PeerRule(const config::Peer& config, const InstallationKey& key, PeerLink* link);

  // A server's request whose caller is not known here.
  void OnServerStart(const RequestPtr& server);
  // Asks, hears, gives up.
  void OnWatermark(uint64_t now_ns);
  void Told(PeerAnswer::Kind kind);

  [[nodiscard]] const PeerLedger& ledger() const { return ledger_; }

 private:
  struct Question {
    RequestPtr request;
    uint64_t due_ns = 0;
    uint64_t deadline_ns = 0;
    uint64_t pause_ns = 0;   // until it is asked again
    size_t outstanding = 0;  // replies to come
    PeerOutcome so_far = PeerOutcome::kTimedOut;
  };
  using Open = std::unordered_map<uint64_t, Question>;
  struct Due {
    uint64_t at_ns;
    uint64_t question;
    bool operator>(const Due& other) const { return at_ns > other.at_ns; }
  };

  void Schedule(Open::iterator question, uint64_t at_ns);
  void Hear(const PeerReply& reply, uint64_t now_ns);
  void Ask(Open::iterator question, uint64_t now_ns);
  PeerOutcome Apply(Request& request, const PeerAnswer& answer);
  void End(Open::iterator question, PeerOutcome outcome);

  const config::Peer config_;
  const InstallationKey key_;
  PeerLink* const link_;
  Open open_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  uint64_t next_question_ = 1;
  PeerLedger ledger_;
};

}  // namespace tracelet::span
