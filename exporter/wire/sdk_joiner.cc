#include "exporter/wire/sdk_joiner.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <utility>

#include "exporter/wire/id_bytes.h"
#include "exporter/wire/protobuf_writer.h"

namespace tracelet::exporter::wire {
namespace {

// Field numbers: exporter/proto/jaeger/model.proto.
constexpr uint32_t kSpans = 1;
constexpr uint32_t kReferences = 4;
constexpr uint32_t kTags = 8;
constexpr uint64_t kFollowsFrom = 1;

const ingest::Tag* Find(const ingest::Span& span, std::string_view key) {
  for (const ingest::Tag& tag : span.tags) {
    if (tag.key == key) return &tag;
  }
  return nullptr;
}

// The first of these tags; both of OpenTelemetry's older and stable conventions are in use.
std::string Text(const ingest::Span& span, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    if (const ingest::Tag* tag = Find(span, key)) return std::string(tag->text);
  }
  return "";
}

uint16_t Port(const ingest::Span& span, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    const ingest::Tag* tag = Find(span, key);
    if (tag == nullptr) continue;
    int64_t port = tag->number;
    if (tag->type == ingest::ValueType::kString) {
      std::from_chars(tag->text.data(), tag->text.data() + tag->text.size(), port);
    }
    return port > 0 && port <= UINT16_MAX ? static_cast<uint16_t>(port) : 0;
  }
  return 0;
}

std::optional<span::SdkSpan> Describe(const ingest::Span& span, uint32_t index) {
  const std::string kind = Text(span, {"span.kind"});
  if (kind != "server" && kind != "client") return std::nullopt;
  span::SdkSpan sdk;
  sdk.index = index;
  sdk.kind = kind == "server" ? span::Kind::kServer : span::Kind::kClient;
  sdk.trace_id = span.trace_id;
  sdk.span_id = span.span_id;
  for (const ingest::Reference& reference : span.references) {
    if (reference.type == 0 && reference.trace_id == span.trace_id) sdk.parent_id = reference.span_id;
  }
  sdk.start_unix_ns = static_cast<uint64_t>(span.start_us) * 1'000;
  sdk.method = Text(span, {"http.request.method", "http.method"});
  sdk.peer_address = Text(span, {"network.peer.address", "net.sock.peer.addr", "net.peer.ip"});
  sdk.peer_port = Port(span, {"network.peer.port", "net.sock.peer.port", "net.peer.port"});
  return sdk;
}

class Waiting : public span::SdkBatch {
 public:
  Waiting(uint32_t pid, std::vector<span::SdkSpan> spans, std::shared_ptr<const span::IngestedBatch> encoded,
          const std::vector<span::IngestSink*>& sinks, const SdkJoiner::Named& named)
      : pid_(pid), spans_(std::move(spans)), encoded_(std::move(encoded)), sinks_(sinks), named_(named) {}
  ~Waiting() override {
    if (encoded_) Pass(encoded_);
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  void SetPid(uint32_t pid) { pid_ = pid; }
  [[nodiscard]] uint32_t pid() const override { return pid_; }
  [[nodiscard]] const std::vector<span::SdkSpan>& spans() const override { return spans_; }
  void Release(const std::vector<span::SdkJoin>& joins) override {
    std::shared_ptr<const span::IngestedBatch> encoded = std::move(encoded_);
    encoded_ = nullptr;
    if (!joins.empty()) {
      auto amended = std::make_shared<span::IngestedBatch>(*encoded);
      std::vector<span::SdkJoin> known = joins;
      for (span::SdkJoin& join : known) {
        if (join.process && named_) join.process = named_(join.process);
      }
      amended->spans = Amend(encoded->spans, known);
      encoded = std::move(amended);
    }
    Pass(encoded);
  }

 private:
  void Pass(const std::shared_ptr<const span::IngestedBatch>& encoded) {
    for (span::IngestSink* sink : sinks_) sink->OnIngested(encoded);
  }

  uint32_t pid_;  // 0: not known yet
  const std::vector<span::SdkSpan> spans_;
  std::shared_ptr<const span::IngestedBatch> encoded_;
  const std::vector<span::IngestSink*>& sinks_;
  const SdkJoiner::Named& named_;
};

class Additions {
 public:
  explicit Additions(std::string& out) : writer_(out) {}
  void Reference(span::TraceId trace_id, span::SpanId span_id, uint64_t type) {
    writer_.Nested(kReferences, [&] {
      writer_.Message(1, IdBytes(trace_id).view());
      writer_.Message(2, IdBytes(span_id).view());
      writer_.Varint(3, type);
    });
  }
  void Tag(const span::Attribute& attribute) {
    writer_.Nested(kTags, [&] {
      writer_.Bytes(1, attribute.key);
      std::visit([this](const auto& value) { Value(value); }, attribute.value);
    });
  }

 private:
  // api_v2.KeyValue: its type, and the field of that type.
  void Value(const std::string& text) { writer_.Bytes(3, text); }
  void Value(bool value) {
    writer_.Varint(2, static_cast<uint64_t>(ingest::ValueType::kBool));
    writer_.Varint(4, value ? 1 : 0);
  }
  void Value(int64_t value) {
    writer_.Varint(2, static_cast<uint64_t>(ingest::ValueType::kInt64));
    writer_.Varint(5, static_cast<uint64_t>(value));
  }
  void Value(double value) {
    writer_.Varint(2, static_cast<uint64_t>(ingest::ValueType::kFloat64));
    writer_.Double(6, value);
  }

  ProtobufWriter writer_;
};

std::string Encode(const span::SdkJoin& join) {
  std::string bytes;
  Additions additions(bytes);
  if (join.parent_id) additions.Reference(join.trace_id, join.parent_id, 0);
  if (join.link) additions.Reference(join.link->trace_id, join.link->span_id, kFollowsFrom);
  for (const span::Attribute& attribute : join.attributes) additions.Tag(attribute);
  if (join.process) {
    for (const std::string& pair : join.process->pod_attributes) {
      const size_t equals = pair.find('=');
      if (equals == std::string::npos) continue;
      additions.Tag({std::string_view(pair).substr(0, equals), pair.substr(equals + 1)});
    }
  }
  return bytes;
}

// A length-delimited record at the front of `bytes`, taken off; what we encoded ourselves.
std::string_view TakeRecord(std::string_view& bytes) {
  size_t at = 1;
  uint64_t length = 0;
  for (unsigned shift = 0; at < bytes.size() && shift < 64; shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes[at++]);
    length |= uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) break;
  }
  const std::string_view record = bytes.substr(at, length);
  bytes.remove_prefix(at + record.size());
  return record;
}

}  // namespace

std::string Amend(std::string_view spans, const std::vector<span::SdkJoin>& joins) {
  std::string amended;
  amended.reserve(spans.size() + 300 * joins.size());
  ProtobufWriter writer(amended);
  for (uint32_t index = 0; !spans.empty(); ++index) {
    std::string span(TakeRecord(spans));
    for (const span::SdkJoin& join : joins) {
      if (join.index == index) span += Encode(join);
    }
    writer.Message(kSpans, span);
  }
  return amended;
}

SdkJoiner::SdkJoiner(const config::SdkJoin& config, std::vector<span::IngestSink*> sinks)
    : max_batches_(config.max_batches), sinks_(std::move(sinks)) {}

bool SdkJoiner::Offer(const ingest::Batch& batch, const std::shared_ptr<const span::IngestedBatch>& encoded) {
  if (batch.sender_pid == 0 && (batch.sender_port == 0 || !sender_of_)) return false;
  std::vector<span::SdkSpan> spans;
  for (uint32_t i = 0; i < batch.spans.size(); ++i) {
    if (auto sdk = Describe(batch.spans[i], i)) spans.push_back(std::move(*sdk));
  }
  if (spans.empty()) return false;
  const std::lock_guard lock(mutex_);
  if (closed_ || waiting_.size() >= max_batches_) return false;
  waiting_.push_back({.netns = batch.sender_netns,
                      .port = batch.sender_port,
                      .received_ns = batch.received_ns,
                      .batch = std::make_unique<Waiting>(batch.sender_pid, std::move(spans), encoded, sinks_, named_)});
  return true;
}

std::vector<std::unique_ptr<span::SdkBatch>> SdkJoiner::TakeSdkBatches() {
  std::vector<Offered> offered;
  {
    const std::lock_guard lock(mutex_);
    offered.swap(waiting_);
  }
  std::vector<std::unique_ptr<span::SdkBatch>> known;
  std::vector<Offered> later;
  for (Offered& one : offered) {
    auto& batch = static_cast<Waiting&>(*one.batch);
    if (batch.pid() == 0) batch.SetPid(sender_of_(one.netns, one.port, one.received_ns));
    if (batch.pid() != 0) {
      known.push_back(std::move(one.batch));
    } else if (++one.asks < kAsks) {  // it can be here before the sender's call is over
      later.push_back(std::move(one));
    }
  }
  if (!later.empty()) {
    const std::lock_guard lock(mutex_);
    if (!closed_) std::move(later.begin(), later.end(), std::back_inserter(waiting_));
  }
  return known;
}

void SdkJoiner::Close() {
  std::vector<Offered> rest;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  rest.swap(waiting_);
}

}  // namespace tracelet::exporter::wire
