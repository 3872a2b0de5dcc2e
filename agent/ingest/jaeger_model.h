// What one datagram held, in Jaeger's model (api_v2), whichever of jaeger.thrift and
// zipkincore it came in. Plain data; the text is views into the datagram, which must
// outlive the batch, and into `made`.
#pragma once

#include <cstdint>
#include <forward_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/counters.h"
#include "agent/span/ids.h"

namespace tracelet::ingest {

enum class ValueType : uint8_t { kString, kBool, kInt64, kFloat64, kBinary };

struct Tag {
  std::string_view key{};
  ValueType type = ValueType::kString;
  std::string_view text{};  // kString, kBinary
  int64_t number = 0;       // kInt64, kBool
  double real = 0;          // kFloat64
};

struct Reference {
  int32_t type = 0;  // 0 child of, 1 follows from; others are passed on
  span::TraceId trace_id;
  span::SpanId span_id;
};

struct Log {
  int64_t time_us = 0;  // as Span::start_us
  std::vector<Tag> fields;
};

struct Process {
  std::string_view service_name;
  std::vector<Tag> tags;
};

struct Span {
  span::TraceId trace_id;
  span::SpanId span_id;
  std::string_view operation_name;
  std::vector<Reference> references;
  uint32_t flags = 0;
  int64_t start_us = 0;     // since 1970; 0 <= start_us < kEndOfTimeUs
  int64_t duration_us = 0;  // any value, as received
  std::vector<Tag> tags;
  std::vector<Log> logs;
  std::optional<Process> process;  // only of spans that came as Zipkin's
};

// google.protobuf.Timestamp ends with the year 9999.
inline constexpr int64_t kEndOfTimeUs = 253'402'300'800 * 1'000'000;
// Can api_v2 state the times of this span and of its logs?
inline bool Representable(const Span& span) {
  const auto fits = [](int64_t time_us) { return time_us >= 0 && time_us < kEndOfTimeUs; };
  for (const Log& log : span.logs) {
    if (!fits(log.time_us)) return false;
  }
  return fits(span.start_us);
}

// What a Jaeger client says of itself; totals since it started.
struct ClientStats {
  int64_t full_queue_dropped_spans = 0;
  int64_t too_large_dropped_spans = 0;
  int64_t failed_to_emit_spans = 0;
};

enum class Format : uint8_t { kJaeger, kZipkin };

// Why one span of a datagram went alone; the reference loses the whole datagram.
enum class SpanLoss : uint8_t {
  kMissingField,   // one that the schema requires
  kTimeRange,      // its start, or the time of a log: api_v2 cannot say it
  kNoServiceName,  // Zipkin: no endpoint of it names a service
  kCount,
};
constexpr std::string_view Name(SpanLoss loss) {
  constexpr std::string_view kNames[] = {"missing_field", "time_range", "no_service_name"};
  return kNames[static_cast<size_t>(loss)];
}

struct Batch {
  Format format = Format::kJaeger;
  std::optional<Process> process;  // of all spans; kJaeger only
  std::vector<Span> spans;
  std::optional<int64_t> sequence;
  std::optional<ClientStats> stats;
  uint32_t sender_pid = 0;    // of the process on this host that sent it; 0: unknown
  uint16_t sender_port = 0;   // a port of this host; 0: it came from elsewhere, or nobody asked
  uint64_t sender_netns = 0;  // in which network namespace, by its inode
  uint64_t received_ns = 0;   // CLOCK_MONOTONIC, with sender_port
  uint32_t received = 0;      // spans in the datagram, the lost ones too; one of Zipkin's can give two
  Counters<SpanLoss> lost;
  std::forward_list<std::string> made;  // text that conversion made; stays where it is
};

// Where batches go. Any thread; the batch is valid during the call.
class BatchSink {
 public:
  virtual ~BatchSink() = default;
  virtual void OnBatch(const Batch& batch) = 0;
};

}  // namespace tracelet::ingest
