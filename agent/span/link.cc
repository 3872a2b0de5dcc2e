#include "agent/span/link.h"

#include <array>

namespace tracelet::span {

std::string_view Name(LinkRule rule) {
  static constexpr std::array<std::string_view, static_cast<size_t>(LinkRule::kCount)> kNames = {
      "none",      "header",   "sequence", "thread", "loop", "python",
      "goroutine", "handover", "push",     "peer",   "sdk",  "inferred"};
  return kNames[static_cast<size_t>(rule)];
}

std::string_view Name(LinkRefusal refusal) {
  static constexpr std::array<std::string_view, static_cast<size_t>(LinkRefusal::kCount)> kNames = {
      "none", "ambiguous", "no_evidence", "conflict", "event_loop",          "timer",     "deferred_work",
      "pool", "queue",     "lost_event",  "adopted",  "unsupported_runtime", "no_answer", "unknown_to_peer"};
  return kNames[static_cast<size_t>(refusal)];
}

}  // namespace tracelet::span
