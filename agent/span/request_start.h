// What the Assembler says about a request as soon as its head is known.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "agent/base/rare.h"
#include "agent/conn/connection.h"
#include "agent/conn/go_cause.h"
#include "agent/conn/loop_causes.h"
#include "agent/conn/operation.h"
#include "agent/span/link.h"
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
// Tens of thousands are held: what is small stands together.
struct RequestStart {
  Kind kind = Kind::kServer;
  bool one_thread = true;  // the whole head was moved by the thread of `first`
  bool blocking = true;    // which slept in each of the calls
  // HTTP/2: one thread moves the bytes of many requests, also of those that it has nothing to do with.
  bool multiplexed = false;
  bool connection_adopted = false;
  bool events_lost = false;  // on this connection, before this request
  bool pushed = false;       // over HTTP/2, unasked: no rule that looks for who called knows anything of it
  bool goroutines_unsupported = false;
  bool loop_unsupported = false;  // its process runs a loop that should be understood, and is not: see ProcessInfo
  LinkRefusal unnamed = LinkRefusal::kNone;  // why there is no `name`
  // The accept() of this connection, where it was seen.
  uint32_t accept_tid = 0;
  uint32_t accept_waits = 0;
  uint32_t stream_id = 0;       // HTTP/2
  conn::Operation first;        // moved the request's first byte
  uint64_t connection = 0;      // ConnTracker's number of this connection, never reused
  uint64_t pushed_with = 0;     // handle of the request that it was promised with; 0: not known
  uint64_t exchange = 0;        // protocol::Exchange::id, on this connection
  Rare<conn::LoopCause> cause;  // client: why an event loop that is understood sent it
  conn::GoCause go_cause;       // server: of its reader; client: why a goroutine sent it
  std::optional<MessageName> name;
  uint64_t fallback_id = 0;  // identifies the request on this host when it has no name
  Rare<TraceContext> context;
  std::shared_ptr<const conn::Endpoints> endpoints;
  std::string method;
};

}  // namespace tracelet::span
