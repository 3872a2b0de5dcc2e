// A span as it leaves the agent, whoever made it. Plain data; exporters convert
// it once, each to its own format.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "agent/process/process_info.h"
#include "agent/span/ids.h"
#include "agent/span/link.h"

namespace tracelet::span {

enum class Kind : uint8_t { kServer, kClient };
enum class StatusCode : uint8_t { kUnset, kError };

using AttributeValue = std::variant<std::string, int64_t, double, bool>;

// Keys are those of OpenTelemetry's semantic conventions (stable HTTP), or begin with
// `tracelet.`: the constants of attributes.h.
struct Attribute {
  std::string_view key;
  AttributeValue value;
};

// Something that happened in the course of a span.
struct Event {
  uint64_t unix_ns = 0;
  std::string_view name;
  std::vector<Attribute> attributes;
};

struct Link {
  TraceId trace_id;
  SpanId span_id;
};

struct Span {
  TraceId trace_id;
  SpanId span_id;
  SpanId parent_span_id;    // 0: root
  std::string trace_state;  // W3C tracestate as received, unchanged
  Kind kind = Kind::kServer;
  std::string name;  // "GET /orders/{id}"
  uint64_t start_unix_ns = 0;
  uint64_t end_unix_ns = 0;
  StatusCode status = StatusCode::kUnset;
  std::optional<bool> sampled_by_caller;  // what a header that this trace came with says
  LinkRule link = LinkRule::kNone;
  LinkRefusal refused = LinkRefusal::kNone;
  std::vector<Attribute> attributes;
  std::vector<Event> events;                            // in order of time
  std::vector<Link> links;                              // candidates of a refused parent
  std::shared_ptr<const process::ProcessInfo> process;  // never null
  // The application sent this span itself, and that one has its ids: counted, not exported.
  bool joined = false;
};

// Where finished spans go. Called by one thread.
class SpanSink {
 public:
  virtual ~SpanSink() = default;
  virtual void OnSpan(std::shared_ptr<const Span> span) = 0;
  // Same meaning as source::EventSink::OnWatermark.
  virtual void OnWatermark(uint64_t unix_ns) = 0;
};

}  // namespace tracelet::span
