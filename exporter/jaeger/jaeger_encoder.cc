#include "exporter/jaeger/jaeger_encoder.h"

#include <utility>

#include "exporter/wire/jaeger.h"
#include "exporter/wire/protobuf_writer.h"
#include "exporter/wire/utf8.h"

namespace tracelet::exporter {
namespace {

// Field numbers, exporter/proto/jaeger.
constexpr uint32_t kRequestBatch = 1;
constexpr uint32_t kBatchSpans = 1;
constexpr uint32_t kBatchProcess = 2;
constexpr uint32_t kServiceName = 1;
constexpr uint32_t kProcessTags = 2;

Payload Request(const std::string* process, std::string spans, uint64_t count) {
  if (process != nullptr) wire::ProtobufWriter(spans).Message(kBatchProcess, *process);
  auto request = std::make_shared<std::string>();
  request->reserve(spans.size() + 8);
  wire::ProtobufWriter(*request).Message(kRequestBatch, spans);
  return {std::move(request), count};
}

}  // namespace

const std::string& JaegerEncoder::EncodedProcess(const std::shared_ptr<const process::ProcessInfo>& process) {
  std::string& encoded = processes_[process];
  if (encoded.empty()) {
    wire::ProtobufWriter(encoded).Bytes(kServiceName, wire::ToUtf8(process->service_name));
    for (const span::Attribute& attribute : tagger_.Attributes(*process)) {
      wire::AppendJaegerTag(kProcessTags, attribute, encoded);
    }
  }
  return encoded;
}

void JaegerEncoder::Add(const span::Span& span) {
  std::string& spans = own_process_.spans;
  const size_t before = spans.size();
  wire::ProtobufWriter(spans).Nested(kBatchSpans,
                                     [&] { wire::AppendJaegerSpan(span, EncodedProcess(span.process), spans); });
  bytes_ += spans.size() - before;
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
