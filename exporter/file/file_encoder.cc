#include "exporter/file/file_encoder.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "exporter/otlp/from_jaeger.h"

namespace tracelet::exporter {
namespace {

namespace common = ::opentelemetry::proto::common::v1;
namespace trace = ::opentelemetry::proto::trace::v1;
using nlohmann::json;

std::string Dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

// `"key":value,"key":value`, as AppendJsonLine wants it.
std::string RenderAttributes(const std::vector<span::Attribute>& attributes) {
  json object = json::object();
  for (const span::Attribute& attribute : attributes) {
    std::visit([&](const auto& value) { object[std::string(attribute.key)] = value; }, attribute.value);
  }
  const std::string text = Dump(object);
  return text.substr(1, text.size() - 2);
}

std::string Hex(const std::string& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text += kDigits[static_cast<uint8_t>(byte) >> 4];
    text += kDigits[static_cast<uint8_t>(byte) & 0xf];
  }
  return text;
}

json Value(const common::AnyValue& value) {
  switch (value.value_case()) {
    case common::AnyValue::kBoolValue:
      return value.bool_value();
    case common::AnyValue::kIntValue:
      return value.int_value();
    case common::AnyValue::kDoubleValue:
      return value.double_value();
    case common::AnyValue::kBytesValue:
      return Hex(value.bytes_value());
    default:
      return value.string_value();
  }
}

template <typename Attributes>
void Put(const Attributes& attributes, json& object) {
  for (const common::KeyValue& attribute : attributes) object[attribute.key()] = Value(attribute.value());
}

const char* KindName(trace::Span::SpanKind kind) {
  switch (kind) {
    case trace::Span::SPAN_KIND_SERVER:
      return "server";
    case trace::Span::SPAN_KIND_CLIENT:
      return "client";
    case trace::Span::SPAN_KIND_PRODUCER:
      return "producer";
    case trace::Span::SPAN_KIND_CONSUMER:
      return "consumer";
    default:
      return "internal";
  }
}

json Line(const trace::Span& span, const ::opentelemetry::proto::resource::v1::Resource& resource) {
  json attributes = json::object();
  Put(resource.attributes(), attributes);
  const json service = attributes["service.name"];
  attributes.erase("service.name");
  Put(span.attributes(), attributes);
  json links = json::array();
  for (const auto& link : span.links()) {
    links.push_back({{"trace_id", Hex(link.trace_id())}, {"span_id", Hex(link.span_id())}});
  }
  json line = {{"trace_id", Hex(span.trace_id())},
               {"span_id", Hex(span.span_id())},
               {"parent_span_id", Hex(span.parent_span_id())},
               {"kind", KindName(span.kind())},
               {"name", span.name()},
               {"service", service},
               {"start_unix_nano", span.start_time_unix_nano()},
               {"end_unix_nano", span.end_time_unix_nano()},
               {"status", span.status().code() == trace::Status::STATUS_CODE_ERROR ? "error" : "unset"},
               {"attributes", std::move(attributes)},
               {"links", std::move(links)}};
  for (const auto& event : span.events()) {
    json fields = json::object();
    Put(event.attributes(), fields);
    line["events"].push_back(
        {{"time_unix_nano", event.time_unix_nano()}, {"name", event.name()}, {"attributes", std::move(fields)}});
  }
  return line;
}

}  // namespace

void FileEncoder::Add(const span::Span& span) {
  std::string& attributes = processes_[span.process];
  if (attributes.empty()) attributes = RenderAttributes(tagger_.Attributes(*span.process));
  AppendJsonLine(span, attributes, text_);
  ++count_;
}

uint64_t FileEncoder::Add(const span::IngestedBatch& batch) {
  ::opentelemetry::proto::resource::v1::Resource resource;
  trace::Span converted;
  return ForEachReceived(batch, [&](const auto& span, const auto& process) {
    FromJaeger(process, &resource);
    FromJaeger(span, &converted);
    text_.Append(std::string_view(Dump(Line(converted, resource))));
    text_.Append("\n");
    ++count_;
  });
}

std::vector<Payload> FileEncoder::Take() {
  auto lines = std::make_shared<const std::string>(text_.view());
  text_.Clear();
  processes_.clear();
  return {{std::move(lines), std::exchange(count_, 0)}};
}

}  // namespace tracelet::exporter
