#include "exporter/wire/otlp.h"

#include "exporter/wire/id_bytes.h"
#include "exporter/wire/protobuf_writer.h"
#include "exporter/wire/utf8.h"

namespace tracelet::exporter::wire {
namespace {

// Field numbers: facts of the format, as in exporter/proto/otlp.
constexpr uint32_t kKey = 1;
constexpr uint32_t kValue = 2;
constexpr uint32_t kStringValue = 1;
constexpr uint32_t kBoolValue = 2;
constexpr uint32_t kIntValue = 3;
constexpr uint32_t kDoubleValue = 4;

constexpr uint32_t kTraceId = 1;
constexpr uint32_t kSpanId = 2;
constexpr uint32_t kTraceState = 3;
constexpr uint32_t kParentSpanId = 4;
constexpr uint32_t kName = 5;
constexpr uint32_t kKind = 6;
constexpr uint32_t kStart = 7;
constexpr uint32_t kEnd = 8;
constexpr uint32_t kAttributes = 9;
constexpr uint32_t kEvents = 11;
constexpr uint32_t kLinks = 13;
constexpr uint32_t kStatus = 15;
constexpr uint32_t kFlags = 16;

constexpr uint32_t kEventTime = 1;
constexpr uint32_t kEventName = 2;
constexpr uint32_t kEventAttributes = 3;
constexpr uint32_t kLinkTraceId = 1;
constexpr uint32_t kLinkSpanId = 2;
constexpr uint32_t kStatusCode = 3;

constexpr uint64_t kServer = 2;  // SpanKind
constexpr uint64_t kClient = 3;
constexpr uint64_t kError = 2;  // Status.code

// Span.flags.
constexpr uint32_t kSampled = 0x01;
constexpr uint32_t kRemoteIsKnown = 0x100;
constexpr uint32_t kRemote = 0x200;

void AppendText(uint32_t field, std::string_view text, std::string& out) {
  ProtobufWriter writer(out);
  if (IsUtf8(text)) {
    writer.Message(field, text);
  } else {
    writer.Message(field, ToUtf8(text));
  }
}

struct AppendValue {
  std::string& out;
  void operator()(const std::string& value) const { AppendText(kStringValue, value, out); }
  void operator()(int64_t value) const { ProtobufWriter(out).ChosenVarint(kIntValue, static_cast<uint64_t>(value)); }
  void operator()(double value) const { ProtobufWriter(out).ChosenDouble(kDoubleValue, value); }
  void operator()(bool value) const { ProtobufWriter(out).ChosenVarint(kBoolValue, value ? 1 : 0); }
};

void AppendTextAttribute(std::string_view key, std::string_view value, std::string& out) {
  ProtobufWriter writer(out);
  writer.Nested(kAttributes, [&] {
    writer.Bytes(kKey, key);
    writer.Nested(kValue, [&] { writer.Message(kStringValue, value); });
  });
}

void AppendAttributes(const span::Span& span, std::string& out) {
  for (const span::Attribute& attribute : span.attributes) AppendOtlpAttribute(kAttributes, attribute, out);
  if (span.link != span::LinkRule::kNone) AppendTextAttribute("tracelet.link", Name(span.link), out);
  if (span.refused != span::LinkRefusal::kNone) AppendTextAttribute("tracelet.link.refused", Name(span.refused), out);
}

uint32_t Flags(const span::Span& span) {
  const bool remote = span.parent_span_id && span.kind == span::Kind::kServer;  // a server's parent is its client
  return kSampled | kRemoteIsKnown | (remote ? kRemote : 0);
}

}  // namespace

void AppendOtlpAttribute(uint32_t field, const span::Attribute& attribute, std::string& out) {
  ProtobufWriter writer(out);
  writer.Nested(field, [&] {
    AppendText(kKey, attribute.key, out);
    writer.Nested(kValue, [&] { std::visit(AppendValue{out}, attribute.value); });
  });
}

void AppendOtlpSpan(const span::Span& span, std::string& out) {
  ProtobufWriter writer(out);
  writer.Bytes(kTraceId, IdBytes(span.trace_id).view());
  writer.Bytes(kSpanId, IdBytes(span.span_id).view());
  if (!span.trace_state.empty()) AppendText(kTraceState, span.trace_state, out);
  if (span.parent_span_id) writer.Bytes(kParentSpanId, IdBytes(span.parent_span_id).view());
  AppendText(kName, span.name, out);
  writer.Varint(kKind, span.kind == span::Kind::kServer ? kServer : kClient);
  writer.Fixed64(kStart, span.start_unix_ns);
  writer.Fixed64(kEnd, span.end_unix_ns);
  AppendAttributes(span, out);
  for (const span::Event& event : span.events) {
    writer.Nested(kEvents, [&] {
      writer.Fixed64(kEventTime, event.unix_ns);
      writer.Bytes(kEventName, event.name);
      for (const span::Attribute& attribute : event.attributes) AppendOtlpAttribute(kEventAttributes, attribute, out);
    });
  }
  for (const span::Link& link : span.links) {
    writer.Nested(kLinks, [&] {
      writer.Bytes(kLinkTraceId, IdBytes(link.trace_id).view());
      writer.Bytes(kLinkSpanId, IdBytes(link.span_id).view());
    });
  }
  if (span.status == span::StatusCode::kError) {
    writer.Nested(kStatus, [&] { writer.Varint(kStatusCode, kError); });
  }
  writer.Fixed32(kFlags, Flags(span));
}

}  // namespace tracelet::exporter::wire
