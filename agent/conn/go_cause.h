// Which read of a request a goroutine works for: struct go_cause of bpf/state.h. Of received
// bytes it is the reader's own. Plain data.
#pragma once

#include <cstdint>

#include "bpf/events.h"

namespace tracelet::conn {

struct GoCause {
  bool known = false;  // a goroutine of a Go program that is followed
  uint64_t owner = 0;  // goroutine that read the request, by number; 0: none, and `turn` is why (go_reason)
  uint64_t turn = 0;   // which of its reads
  bool operator==(const GoCause&) const = default;
};

// Of an event, or of the operation that it tells of.
template <typename Evidence>
GoCause GoCauseOf(const Evidence& event) {
  if (event.evidence_type != EVIDENCE_GOROUTINE) return {};
  return {.known = true, .owner = event.evidence, .turn = event.evidence_parent};
}

}  // namespace tracelet::conn
