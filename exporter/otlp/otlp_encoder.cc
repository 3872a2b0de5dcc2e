#include "exporter/otlp/otlp_encoder.h"

#include <utility>

#include "agent/cli/version.h"
#include "exporter/otlp/from_jaeger.h"
#include "exporter/proto/jaeger/model.pb.h"
#include "exporter/proto/otlp/resource.pb.h"
#include "exporter/proto/otlp/trace.pb.h"
#include "exporter/wire/otlp.h"
#include "exporter/wire/protobuf_writer.h"

namespace tracelet::exporter {
namespace {

namespace resource = ::opentelemetry::proto::resource::v1;
namespace trace = ::opentelemetry::proto::trace::v1;

// Field numbers, exporter/proto/otlp.
constexpr uint32_t kRequestResourceSpans = 1;
constexpr uint32_t kResource = 1;
constexpr uint32_t kResourceAttributes = 1;
constexpr uint32_t kScopeSpans = 2;
constexpr uint32_t kScope = 1;
constexpr uint32_t kSpans = 2;
constexpr uint32_t kScopeName = 1;
constexpr uint32_t kScopeVersion = 2;
constexpr size_t kFraming = 16;  // tags and lengths around one group

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
  trace::Span span;  // received ones, reused
  const std::string scope = OurScope();
};

OtlpEncoder::OtlpEncoder(pipeline::ResourceTagger tagger)
    : tagger_(std::move(tagger)), scratch_(std::make_unique<Scratch>()) {}
OtlpEncoder::~OtlpEncoder() = default;

OtlpEncoder::Group& OtlpEncoder::NewGroup(bool ours, std::string resource) {
  bytes_ += resource.size() + (ours ? scratch_->scope.size() : 0) + kFraming;
  return groups_.emplace_back(Group{ours, std::move(resource), {}});
}

template <typename Fields>
void OtlpEncoder::Append(Group& group, Fields&& fields) {
  const size_t before = group.spans.size();
  wire::ProtobufWriter(group.spans).Nested(kSpans, fields);
  bytes_ += group.spans.size() - before;
  ++count_;
}

void OtlpEncoder::Add(const span::Span& span) {
  const auto [found, is_new] = captured_.try_emplace(span.process, groups_.size());
  if (is_new) {
    std::string resource;
    wire::AppendOtlpAttribute(kResourceAttributes, {"service.name", span.process->service_name}, resource);
    for (const span::Attribute& attribute : tagger_.Attributes(*span.process)) {
      wire::AppendOtlpAttribute(kResourceAttributes, attribute, resource);
    }
    NewGroup(true, std::move(resource));
  }
  Group& group = groups_[found->second];
  Append(group, [&] { wire::AppendOtlpSpan(span, group.spans); });
}

uint64_t OtlpEncoder::Add(const span::IngestedBatch& batch) {
  return ForEachReceived(batch, [&](const auto& span, const auto& process) {
    const std::string key = span.has_process() ? span.process().SerializeAsString() : batch.process.value_or("");
    const auto [found, is_new] = received_.try_emplace(key, groups_.size());
    if (is_new) {
      resource::Resource message;
      FromJaeger(process, &message);
      NewGroup(false, message.SerializeAsString());
    }
    FromJaeger(span, &scratch_->span);
    Group& group = groups_[found->second];
    Append(group, [&] { scratch_->span.AppendToString(&group.spans); });
  });
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
