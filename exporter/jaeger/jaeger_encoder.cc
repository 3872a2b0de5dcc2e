#include "exporter/jaeger/jaeger_encoder.h"

#include <algorithm>
#include <utility>

#include "agent/cli/version.h"
#include "exporter/proto/jaeger/model.pb.h"
#include "exporter/wire/protobuf_writer.h"

namespace tracelet::exporter {
namespace {

namespace api = ::jaeger::api_v2;

// Field numbers, exporter/proto/jaeger.
constexpr uint32_t kRequestBatch = 1;
constexpr uint32_t kBatchSpans = 1;
constexpr uint32_t kBatchProcess = 2;
constexpr uint32_t kSpanProcess = 10;

constexpr uint64_t kNsPerS = 1'000'000'000;
constexpr uint32_t kSampled = 1;

std::string BigEndian(std::initializer_list<uint64_t> words) {
  std::string bytes;
  for (const uint64_t word : words) {
    for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(word >> shift));
  }
  return bytes;
}

void SetText(std::string_view key, std::string_view value, api::KeyValue* tag) {
  tag->set_key(key.data(), key.size());
  tag->set_v_str(value.data(), value.size());
}

struct SetValue {
  api::KeyValue* tag;
  void operator()(const std::string& value) const { tag->set_v_str(value); }
  void operator()(int64_t value) const {
    tag->set_v_type(api::INT64);
    tag->set_v_int64(value);
  }
  void operator()(double value) const {
    tag->set_v_type(api::FLOAT64);
    tag->set_v_float64(value);
  }
  void operator()(bool value) const {
    tag->set_v_type(api::BOOL);
    tag->set_v_bool(value);
  }
};

void Set(const span::Attribute& attribute, api::KeyValue* tag) {
  tag->set_key(attribute.key.data(), attribute.key.size());
  std::visit(SetValue{tag}, attribute.value);
}

void SetTags(const span::Span& span, api::Span* out) {
  SetText("otel.library.name", "tracelet", out->add_tags());
  SetText("otel.library.version", cli::kVersion, out->add_tags());
  for (const span::Attribute& attribute : span.attributes) Set(attribute, out->add_tags());
  if (span.link != span::LinkRule::kNone) SetText("tracelet.link", Name(span.link), out->add_tags());
  if (span.refused != span::LinkRefusal::kNone) SetText("tracelet.link.refused", Name(span.refused), out->add_tags());
  SetText("span.kind", span.kind == span::Kind::kServer ? "server" : "client", out->add_tags());
  if (span.status == span::StatusCode::kError) {
    SetText("otel.status_code", "ERROR", out->add_tags());
    Set({"error", true}, out->add_tags());
  }
  if (!span.trace_state.empty()) SetText("w3c.tracestate", span.trace_state, out->add_tags());
}

void AddReference(span::TraceId trace, span::SpanId span, api::SpanRefType type, api::Span* out) {
  api::SpanRef* const reference = out->add_references();
  reference->set_trace_id(BigEndian({trace.high, trace.low}));
  reference->set_span_id(BigEndian({span.value}));
  reference->set_ref_type(type);
}

void Convert(const span::Span& span, api::Span* out) {
  out->Clear();
  out->set_trace_id(BigEndian({span.trace_id.high, span.trace_id.low}));
  out->set_span_id(BigEndian({span.span_id.value}));
  out->set_operation_name(span.name);
  if (span.parent_span_id) AddReference(span.trace_id, span.parent_span_id, api::CHILD_OF, out);
  for (const span::Link& link : span.links) AddReference(link.trace_id, link.span_id, api::FOLLOWS_FROM, out);
  out->set_flags(kSampled);
  out->mutable_start_time()->set_seconds(static_cast<int64_t>(span.start_unix_ns / kNsPerS));
  out->mutable_start_time()->set_nanos(static_cast<int32_t>(span.start_unix_ns % kNsPerS));
  const uint64_t duration = span.end_unix_ns - std::min(span.start_unix_ns, span.end_unix_ns);
  out->mutable_duration()->set_seconds(static_cast<int64_t>(duration / kNsPerS));
  out->mutable_duration()->set_nanos(static_cast<int32_t>(duration % kNsPerS));
  SetTags(span, out);
}

Payload Request(const std::string* process, std::string spans, uint64_t count) {
  if (process != nullptr) wire::ProtobufWriter(spans).Message(kBatchProcess, *process);
  auto request = std::make_shared<std::string>();
  request->reserve(spans.size() + 8);
  wire::ProtobufWriter(*request).Message(kRequestBatch, spans);
  return {std::move(request), count};
}

}  // namespace

struct JaegerEncoder::Scratch {
  api::Span span;
  std::string bytes;
};

JaegerEncoder::JaegerEncoder(pipeline::ResourceTagger tagger)
    : tagger_(std::move(tagger)), scratch_(std::make_unique<Scratch>()) {}
JaegerEncoder::~JaegerEncoder() = default;

const std::string& JaegerEncoder::EncodedProcess(const std::shared_ptr<const process::ProcessInfo>& process) {
  std::string& encoded = processes_[process];
  if (encoded.empty()) {
    api::Process message;
    message.set_service_name(process->service_name);
    for (const span::Attribute& attribute : tagger_.Attributes(*process)) Set(attribute, message.add_tags());
    encoded = message.SerializeAsString();
  }
  return encoded;
}

void JaegerEncoder::Add(const span::Span& span) {
  Convert(span, &scratch_->span);
  scratch_->span.SerializeToString(&scratch_->bytes);
  wire::ProtobufWriter(scratch_->bytes).Message(kSpanProcess, EncodedProcess(span.process));
  const size_t before = own_process_.spans.size();
  wire::ProtobufWriter(own_process_.spans).Message(kBatchSpans, scratch_->bytes);
  bytes_ += own_process_.spans.size() - before;
  ++own_process_.count;
}

uint64_t JaegerEncoder::Add(const span::IngestedBatch& batch) {
  Group& group = batch.process ? groups_[*batch.process] : own_process_;
  if (batch.process && group.count == 0) bytes_ += batch.process->size();
  group.spans += batch.spans;
  group.count += batch.count;
  bytes_ += batch.spans.size();
  return 0;
}

std::vector<Payload> JaegerEncoder::Take() {
  std::vector<Payload> payloads;
  if (own_process_.count > 0) payloads.push_back(Request(nullptr, std::move(own_process_.spans), own_process_.count));
  for (auto& [process, group] : groups_) payloads.push_back(Request(&process, std::move(group.spans), group.count));
  own_process_ = {};
  groups_.clear();
  processes_.clear();
  bytes_ = 0;
  return payloads;
}

}  // namespace tracelet::exporter
