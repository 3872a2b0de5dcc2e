// Span -> trace. The Assembler tells it when a request begins and ends; it gives
// every span its ids, its parent or the reason why there is none, holds it until
// nothing can change it any more, and passes it on.
//
// It combines the verdicts of the link rules (one file each, rules/*.h) and knows
// none of their evidence itself. Two verdicts that disagree are a refusal.
// One thread. Time is what OnWatermark says.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "agent/base/counters.h"
#include "agent/conn/operation.h"
#include "agent/span/message_name.h"
#include "agent/span/span.h"

namespace tracelet::span {

// The context that travelled in a request's headers, in the first format found
// of: traceparent (+ tracestate), b3, x-b3-*, uber-trace-id.
struct TraceContext {
  TraceId trace_id;
  SpanId parent_id;
  bool sampled = true;
  std::string trace_state;
};

// A request whose head is known: all that the rules may use.
struct RequestStart {
  Kind kind = Kind::kServer;
  conn::Operation first;    // moved the request's first byte
  bool one_thread = true;   // the whole head was moved by that thread
  bool blocking = true;     // which slept in each of the calls
  uint64_t connection = 0;  // ConnTracker's number of this connection, never reused
  bool connection_adopted = false;
  bool events_lost = false;  // on this connection, before this request
  // The accept() of this connection, where it was seen.
  uint32_t accept_tid = 0;
  uint32_t accept_waits = 0;
  std::optional<MessageName> name;  // absent: `unnamed` says why
  LinkRefusal unnamed = LinkRefusal::kNone;
  uint64_t fallback_id = 0;         // identifies the request on this host when it has no name
  std::optional<TraceContext> context;
};

enum class SpanDrop : uint8_t { kTableFull, kExporter, kCount };
std::string_view Name(SpanDrop reason);

// assembled == passed on + dropped + held, at any time.
struct SpanLedger {
  uint64_t assembled = 0;
  uint64_t exported = 0;
  uint64_t held = 0;
  Counters<SpanDrop> dropped;
};

struct StitcherLimits {
  uint64_t hold_ns = 1'000'000'000;  // after a span's end, before it is final
  size_t max_open = 65'536;          // requests begun and not ended
  size_t max_held = 65'536;
};

}  // namespace tracelet::span
