#include "exporter/otlp/from_jaeger.h"

#include <algorithm>
#include <string_view>

#include "exporter/wire/utf8.h"

namespace tracelet::exporter {
namespace {

namespace api = ::jaeger::api_v2;
namespace common = ::opentelemetry::proto::common::v1;
namespace trace = ::opentelemetry::proto::trace::v1;

constexpr uint32_t kSampled = 1;
constexpr int64_t kNsPerS = 1'000'000'000;

void SetText(std::string_view key, std::string_view value, common::KeyValue* out) {
  out->set_key(key.data(), key.size());
  out->mutable_value()->set_string_value(value.data(), value.size());
}

void SetNumber(std::string_view key, int64_t value, common::KeyValue* out) {
  out->set_key(key.data(), key.size());
  out->mutable_value()->set_int_value(value);
}

void Convert(const api::KeyValue& tag, common::KeyValue* out) {
  out->set_key(wire::ToUtf8(tag.key()));
  common::AnyValue* const value = out->mutable_value();
  switch (tag.v_type()) {
    case api::BOOL:
      value->set_bool_value(tag.v_bool());
      return;
    case api::INT64:
      value->set_int_value(tag.v_int64());
      return;
    case api::FLOAT64:
      value->set_double_value(tag.v_float64());
      return;
    case api::BINARY:
      value->set_bytes_value(tag.v_binary());
      return;
    default:
      value->set_string_value(wire::ToUtf8(tag.v_str()));
  }
}

trace::Span::SpanKind Kind(std::string_view name) {
  if (name == "server") return trace::Span::SPAN_KIND_SERVER;
  if (name == "client") return trace::Span::SPAN_KIND_CLIENT;
  if (name == "producer") return trace::Span::SPAN_KIND_PRODUCER;
  if (name == "consumer") return trace::Span::SPAN_KIND_CONSUMER;
  if (name == "internal") return trace::Span::SPAN_KIND_INTERNAL;
  return trace::Span::SPAN_KIND_UNSPECIFIED;
}

// True: the tag has a place of its own in OTLP and is no attribute.
bool TakeTag(const api::KeyValue& tag, trace::Span* out) {
  const std::string_view key = tag.key();
  if (key == "span.kind" && Kind(tag.v_str()) != trace::Span::SPAN_KIND_UNSPECIFIED) {
    out->set_kind(Kind(tag.v_str()));
    return true;
  }
  if (key == "error" && tag.v_type() == api::BOOL && tag.v_bool()) {
    out->mutable_status()->set_code(trace::Status::STATUS_CODE_ERROR);
    return true;
  }
  if (key == "otel.status_code" && (tag.v_str() == "ERROR" || tag.v_str() == "OK")) {
    const bool error = tag.v_str() == "ERROR";
    out->mutable_status()->set_code(error ? trace::Status::STATUS_CODE_ERROR : trace::Status::STATUS_CODE_OK);
    return true;
  }
  if (key == "otel.status_description") {
    out->mutable_status()->set_message(wire::ToUtf8(tag.v_str()));
    return true;
  }
  if (key == "w3c.tracestate") {
    out->set_trace_state(wire::ToUtf8(tag.v_str()));
    return true;
  }
  return false;
}

void ConvertReferences(const api::Span& span, trace::Span* out) {
  for (const api::SpanRef& reference : span.references()) {
    const bool child = reference.ref_type() == api::CHILD_OF;
    if (child && out->parent_span_id().empty() && reference.trace_id() == span.trace_id()) {
      out->set_parent_span_id(reference.span_id());
      continue;
    }
    trace::Span::Link* const link = out->add_links();
    link->set_trace_id(reference.trace_id());
    link->set_span_id(reference.span_id());
    SetText("opentracing.ref_type", child ? "child_of" : "follows_from", link->add_attributes());
  }
}

template <typename Time>
int64_t Nanoseconds(const Time& time) {
  return time.seconds() * kNsPerS + time.nanos();
}

void ConvertTimes(const api::Span& span, trace::Span* out) {
  const int64_t start = std::max<int64_t>(0, Nanoseconds(span.start_time()));
  const int64_t duration = Nanoseconds(span.duration());
  out->set_start_time_unix_nano(static_cast<uint64_t>(start));
  out->set_end_time_unix_nano(static_cast<uint64_t>(start) + static_cast<uint64_t>(std::max<int64_t>(0, duration)));
  if (duration < 0) SetNumber("jaeger.duration_ns", duration, out->add_attributes());
}

void ConvertLogs(const api::Span& span, trace::Span* out) {
  for (const api::Log& log : span.logs()) {
    trace::Span::Event* const event = out->add_events();
    event->set_time_unix_nano(static_cast<uint64_t>(std::max<int64_t>(0, Nanoseconds(log.timestamp()))));
    for (const api::KeyValue& field : log.fields()) {
      if (field.key() == "event" && field.v_type() == api::STRING && event->name().empty()) {
        event->set_name(wire::ToUtf8(field.v_str()));
      } else {
        Convert(field, event->add_attributes());
      }
    }
  }
}

}  // namespace

void FromJaeger(const api::Process& process, ::opentelemetry::proto::resource::v1::Resource* out) {
  out->Clear();
  SetText("service.name", wire::ToUtf8(process.service_name()), out->add_attributes());
  for (const api::KeyValue& tag : process.tags()) Convert(tag, out->add_attributes());
}

void FromJaeger(const api::Span& span, trace::Span* out) {
  out->Clear();
  out->set_trace_id(span.trace_id());
  out->set_span_id(span.span_id());
  out->set_name(wire::ToUtf8(span.operation_name()));
  ConvertReferences(span, out);
  out->set_flags(span.flags() & kSampled);
  if ((span.flags() & ~kSampled) != 0) SetNumber("jaeger.flags", span.flags(), out->add_attributes());
  ConvertTimes(span, out);
  for (const api::KeyValue& tag : span.tags()) {
    if (!TakeTag(tag, out)) Convert(tag, out->add_attributes());
  }
  ConvertLogs(span, out);
}

}  // namespace tracelet::exporter
