#include "exporter/wire/jaeger.h"

#include <algorithm>

#include "agent/cli/version.h"
#include "exporter/wire/id_bytes.h"
#include "exporter/wire/protobuf_writer.h"

namespace tracelet::exporter::wire {
namespace {

// Field numbers: facts of the format, as in exporter/proto/jaeger/model.proto.
constexpr uint32_t kKey = 1;
constexpr uint32_t kType = 2;
constexpr uint32_t kString = 3;
constexpr uint32_t kBool = 4;
constexpr uint32_t kInt64 = 5;
constexpr uint32_t kFloat64 = 6;

constexpr uint32_t kTraceId = 1;
constexpr uint32_t kSpanId = 2;
constexpr uint32_t kOperationName = 3;
constexpr uint32_t kReferences = 4;
constexpr uint32_t kFlags = 5;
constexpr uint32_t kStartTime = 6;
constexpr uint32_t kDuration = 7;
constexpr uint32_t kTags = 8;
constexpr uint32_t kLogs = 9;
constexpr uint32_t kProcess = 10;

constexpr uint32_t kLogTime = 1;
constexpr uint32_t kLogFields = 2;

constexpr uint32_t kReferenceType = 3;
constexpr uint32_t kSeconds = 1;  // Timestamp and Duration
constexpr uint32_t kNanos = 2;

constexpr uint64_t kTypeBool = 1;
constexpr uint64_t kTypeInt64 = 2;
constexpr uint64_t kTypeFloat64 = 3;
constexpr uint64_t kChildOf = 0;
constexpr uint64_t kFollowsFrom = 1;
constexpr uint64_t kSampled = 1;
constexpr uint64_t kNsPerS = 1'000'000'000;

struct AppendValue {
  ProtobufWriter& writer;
  void operator()(const std::string& value) const { writer.Bytes(kString, value); }
  void operator()(int64_t value) const {
    writer.Varint(kType, kTypeInt64);
    writer.Varint(kInt64, static_cast<uint64_t>(value));
  }
  void operator()(double value) const {
    writer.Varint(kType, kTypeFloat64);
    writer.Double(kFloat64, value);
  }
  void operator()(bool value) const {
    writer.Varint(kType, kTypeBool);
    writer.Varint(kBool, value ? 1 : 0);
  }
};

class SpanWriter {
 public:
  explicit SpanWriter(std::string& out) : out_(out), writer_(out) {}

  void Reference(span::TraceId trace, span::SpanId span, uint64_t type) {
    writer_.Nested(kReferences, [&] {
      writer_.Bytes(kTraceId, IdBytes(trace).view());
      writer_.Bytes(kSpanId, IdBytes(span).view());
      writer_.Varint(kReferenceType, type);
    });
  }
  void Time(uint32_t field, uint64_t ns) {
    writer_.Nested(field, [&] {
      writer_.Varint(kSeconds, ns / kNsPerS);
      writer_.Varint(kNanos, ns % kNsPerS);
    });
  }
  void Tag(std::string_view key, std::string_view value) {
    writer_.Nested(kTags, [&] {
      writer_.Bytes(kKey, key);
      writer_.Bytes(kString, value);
    });
  }
  void Tags(const span::Span& span) {
    Tag("otel.library.name", "tracelet");
    Tag("otel.library.version", cli::kVersion);
    for (const span::Attribute& attribute : span.attributes) AppendJaegerTag(kTags, attribute, out_);
    if (span.link != span::LinkRule::kNone) Tag("tracelet.link", Name(span.link));
    if (span.refused != span::LinkRefusal::kNone) Tag("tracelet.link.refused", Name(span.refused));
    Tag("span.kind", span.kind == span::Kind::kServer ? "server" : "client");
    if (span.status == span::StatusCode::kError) {
      Tag("otel.status_code", "ERROR");
      AppendJaegerTag(kTags, {"error", true}, out_);
    }
    if (!span.trace_state.empty()) Tag("w3c.tracestate", span.trace_state);
  }
  void Log(const span::Event& event) {
    writer_.Nested(kLogs, [&] {
      Time(kLogTime, event.unix_ns);
      AppendJaegerTag(kLogFields, {"event", std::string(event.name)}, out_);
      for (const span::Attribute& attribute : event.attributes) AppendJaegerTag(kLogFields, attribute, out_);
    });
  }

 private:
  std::string& out_;
  ProtobufWriter writer_;
};

}  // namespace

void AppendJaegerTag(uint32_t field, const span::Attribute& attribute, std::string& out) {
  ProtobufWriter writer(out);
  writer.Nested(field, [&] {
    writer.Bytes(kKey, attribute.key);
    std::visit(AppendValue{writer}, attribute.value);
  });
}

void AppendJaegerSpan(const span::Span& span, std::string_view process, std::string& out) {
  ProtobufWriter writer(out);
  SpanWriter parts(out);
  writer.Bytes(kTraceId, IdBytes(span.trace_id).view());
  writer.Bytes(kSpanId, IdBytes(span.span_id).view());
  writer.Bytes(kOperationName, span.name);
  if (span.parent_span_id) parts.Reference(span.trace_id, span.parent_span_id, kChildOf);
  for (const span::Link& link : span.links) parts.Reference(link.trace_id, link.span_id, kFollowsFrom);
  writer.Varint(kFlags, kSampled);
  parts.Time(kStartTime, span.start_unix_ns);
  parts.Time(kDuration, span.end_unix_ns - std::min(span.start_unix_ns, span.end_unix_ns));
  parts.Tags(span);
  for (const span::Event& event : span.events) parts.Log(event);
  writer.Message(kProcess, process);
}

}  // namespace tracelet::exporter::wire
