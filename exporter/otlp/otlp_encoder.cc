#include "exporter/otlp/otlp_encoder.h"

#include <algorithm>
#include <utility>

#include "agent/cli/version.h"
#include "exporter/otlp/from_jaeger.h"
#include "exporter/otlp/utf8.h"
#include "exporter/proto/jaeger/model.pb.h"
#include "exporter/proto/otlp/resource.pb.h"
#include "exporter/proto/otlp/trace.pb.h"
#include "exporter/wire/protobuf_writer.h"

namespace tracelet::exporter {
namespace {

namespace common = ::opentelemetry::proto::common::v1;
namespace resource = ::opentelemetry::proto::resource::v1;
namespace trace = ::opentelemetry::proto::trace::v1;

// Field numbers, exporter/proto/otlp.
constexpr uint32_t kRequestResourceSpans = 1;
constexpr uint32_t kResource = 1;
constexpr uint32_t kScopeSpans = 2;
constexpr uint32_t kScope = 1;
constexpr uint32_t kSpans = 2;
constexpr uint32_t kScopeName = 1;
constexpr uint32_t kScopeVersion = 2;
constexpr size_t kFraming = 16;  // tags and lengths around one group

// trace.proto, Span.flags.
constexpr uint32_t kSampled = 0x01;
constexpr uint32_t kRemoteIsKnown = 0x100;
constexpr uint32_t kRemote = 0x200;

std::string BigEndian(std::initializer_list<uint64_t> words) {
  std::string bytes;
  for (const uint64_t word : words) {
    for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(word >> shift));
  }
  return bytes;
}

struct SetValue {
  common::AnyValue* out;
  void operator()(const std::string& value) const { out->set_string_value(ToUtf8(value)); }
  void operator()(int64_t value) const { out->set_int_value(value); }
  void operator()(double value) const { out->set_double_value(value); }
  void operator()(bool value) const { out->set_bool_value(value); }
};

void Set(const span::Attribute& attribute, common::KeyValue* out) {
  out->set_key(ToUtf8(attribute.key));
  std::visit(SetValue{out->mutable_value()}, attribute.value);
}

void SetText(std::string_view key, std::string_view value, common::KeyValue* out) {
  out->set_key(key.data(), key.size());
  out->mutable_value()->set_string_value(value.data(), value.size());
}

void Convert(const span::Span& span, trace::Span* out) {
  out->Clear();
  out->set_trace_id(BigEndian({span.trace_id.high, span.trace_id.low}));
  out->set_span_id(BigEndian({span.span_id.value}));
  if (!span.trace_state.empty()) out->set_trace_state(ToUtf8(span.trace_state));
  out->set_name(ToUtf8(span.name));
  out->set_kind(span.kind == span::Kind::kServer ? trace::Span::SPAN_KIND_SERVER : trace::Span::SPAN_KIND_CLIENT);
  out->set_start_time_unix_nano(span.start_unix_ns);
  out->set_end_time_unix_nano(span.end_unix_ns);
  uint32_t flags = kSampled | kRemoteIsKnown;
  if (span.parent_span_id) {
    out->set_parent_span_id(BigEndian({span.parent_span_id.value}));
    if (span.kind == span::Kind::kServer) flags |= kRemote;  // a server's parent is its client
  }
  out->set_flags(flags);
  for (const span::Attribute& attribute : span.attributes) Set(attribute, out->add_attributes());
  if (span.link != span::LinkRule::kNone) SetText("tracelet.link", Name(span.link), out->add_attributes());
  if (span.refused != span::LinkRefusal::kNone) {
    SetText("tracelet.link.refused", Name(span.refused), out->add_attributes());
  }
  for (const span::Link& link : span.links) {
    trace::Span::Link* const candidate = out->add_links();
    candidate->set_trace_id(BigEndian({link.trace_id.high, link.trace_id.low}));
    candidate->set_span_id(BigEndian({link.span_id.value}));
  }
  if (span.status == span::StatusCode::kError) out->mutable_status()->set_code(trace::Status::STATUS_CODE_ERROR);
}

// The scope of our own spans; received ones say theirs in their attributes.
std::string OurScope() {
  std::string scope;
  wire::ProtobufWriter writer(scope);
  writer.Bytes(kScopeName, "tracelet");
  writer.Bytes(kScopeVersion, cli::kVersion);
  return scope;
}

}  // namespace

struct OtlpEncoder::Scratch {
  trace::Span span;
  std::string bytes;
  const std::string scope = OurScope();
};

OtlpEncoder::OtlpEncoder(pipeline::ResourceTagger tagger)
    : tagger_(std::move(tagger)), scratch_(std::make_unique<Scratch>()) {}
OtlpEncoder::~OtlpEncoder() = default;

OtlpEncoder::Group& OtlpEncoder::NewGroup(bool ours, std::string resource) {
  bytes_ += resource.size() + (ours ? scratch_->scope.size() : 0) + kFraming;
  return groups_.emplace_back(Group{ours, std::move(resource), {}});
}

void OtlpEncoder::Append(Group& group) {
  scratch_->span.SerializeToString(&scratch_->bytes);
  const size_t before = group.spans.size();
  wire::ProtobufWriter(group.spans).Message(kSpans, scratch_->bytes);
  bytes_ += group.spans.size() - before;
  ++count_;
}

void OtlpEncoder::Add(const span::Span& span) {
  const auto [found, is_new] = captured_.try_emplace(span.process, groups_.size());
  if (is_new) {
    resource::Resource message;
    SetText("service.name", ToUtf8(span.process->service_name), message.add_attributes());
    for (const span::Attribute& attribute : tagger_.Attributes(*span.process)) Set(attribute, message.add_attributes());
    NewGroup(true, message.SerializeAsString());
  }
  Convert(span, &scratch_->span);
  Append(groups_[found->second]);
}

uint64_t OtlpEncoder::Add(const span::IngestedBatch& batch) {
  ::jaeger::api_v2::Batch spans;
  ::jaeger::api_v2::Process process;
  if (!spans.ParseFromString(batch.spans)) return batch.count;
  if (batch.process && !process.ParseFromString(*batch.process)) return batch.count;
  for (const auto& span : spans.spans()) {
    const std::string key = span.has_process() ? span.process().SerializeAsString() : batch.process.value_or("");
    const auto [found, is_new] = received_.try_emplace(key, groups_.size());
    if (is_new) {
      resource::Resource message;
      FromJaeger(span.has_process() ? span.process() : process, &message);
      NewGroup(false, message.SerializeAsString());
    }
    FromJaeger(span, &scratch_->span);
    Append(groups_[found->second]);
  }
  return batch.count - std::min<uint64_t>(batch.count, static_cast<uint64_t>(spans.spans_size()));
}

std::vector<Payload> OtlpEncoder::Take() {
  auto request = std::make_shared<std::string>();
  request->reserve(bytes_);
  std::string resource_spans;
  std::string scope_spans;
  for (const Group& group : groups_) {
    scope_spans.clear();
    if (group.ours) wire::ProtobufWriter(scope_spans).Message(kScope, scratch_->scope);
    scope_spans += group.spans;
    resource_spans.clear();
    wire::ProtobufWriter(resource_spans).Message(kResource, group.resource);
    wire::ProtobufWriter(resource_spans).Message(kScopeSpans, scope_spans);
    wire::ProtobufWriter(*request).Message(kRequestResourceSpans, resource_spans);
  }
  groups_.clear();
  captured_.clear();
  received_.clear();
  bytes_ = 0;
  return {{std::move(request), std::exchange(count_, 0)}};
}

}  // namespace tracelet::exporter
