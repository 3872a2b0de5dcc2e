#include "exporter/wire/api_v2.h"

#include "exporter/wire/id_bytes.h"
#include "exporter/wire/protobuf_writer.h"
#include "exporter/wire/utf8.h"

namespace tracelet::exporter::wire {
namespace {

// Field numbers: facts of the format, as in exporter/proto/jaeger/model.proto.
constexpr uint32_t kBatchSpans = 1;
constexpr uint32_t kProcessTags = 2;
constexpr uint32_t kSpanProcess = 10;

constexpr size_t kUsualSpanBytes = 400;

// Sign-extended, as protobuf wants int32 and int64.
uint64_t Signed(int64_t value) { return static_cast<uint64_t>(value); }

class Encoder {
 public:
  Encoder(std::string& out, std::string_view process_tags) : out_(out), writer_(out), process_tags_(process_tags) {}

  void Tags(uint32_t field, const std::vector<ingest::Tag>& tags) {
    for (const ingest::Tag& tag : tags) {
      writer_.Nested(field, [&] { Fields(tag); });
    }
  }
  void Fields(const ingest::Process& process) {
    if (IsUtf8(process.service_name)) {
      writer_.Bytes(1, process.service_name);
    } else {
      writer_.Bytes(1, ToUtf8(process.service_name));
    }
    Tags(kProcessTags, process.tags);
    out_.append(process_tags_);
  }
  void Span(const ingest::Span& span) {
    writer_.Nested(kBatchSpans, [&] { Fields(span); });
  }

 private:
  void Fields(const ingest::Tag& tag) {
    writer_.Bytes(1, tag.key);
    writer_.Varint(2, static_cast<uint64_t>(tag.type));
    switch (tag.type) {
      case ingest::ValueType::kString:
        return writer_.Bytes(3, tag.text);
      case ingest::ValueType::kBool:
        return writer_.Varint(4, tag.number != 0 ? 1 : 0);
      case ingest::ValueType::kInt64:
        return writer_.Varint(5, Signed(tag.number));
      case ingest::ValueType::kFloat64:
        return writer_.Double(6, tag.real);
      case ingest::ValueType::kBinary:
        return writer_.Bytes(7, tag.text);
    }
  }
  void Fields(const ingest::Reference& reference) {
    writer_.Message(1, IdBytes(reference.trace_id).view());
    writer_.Message(2, IdBytes(reference.span_id).view());
    writer_.Varint(3, Signed(reference.type));
  }
  void Fields(const ingest::Log& log) {
    Time(1, log.time_us);
    Tags(2, log.fields);
  }
  void Fields(const ingest::Span& span) {
    writer_.Message(1, IdBytes(span.trace_id).view());
    writer_.Message(2, IdBytes(span.span_id).view());
    writer_.Bytes(3, span.operation_name);
    for (const ingest::Reference& reference : span.references) {
      writer_.Nested(4, [&] { Fields(reference); });
    }
    writer_.Varint(5, span.flags);
    Time(6, span.start_us);
    Duration(7, span.duration_us);
    Tags(8, span.tags);
    for (const ingest::Log& log : span.logs) {
      writer_.Nested(9, [&] { Fields(log); });
    }
    if (span.process) writer_.Nested(kSpanProcess, [&] { Fields(*span.process); });
  }
  void Time(uint32_t field, int64_t time_us) {
    writer_.Nested(field, [&] {
      writer_.Varint(1, Signed(time_us / 1'000'000));
      writer_.Varint(2, Signed(time_us % 1'000'000 * 1'000));
    });
  }
  // The reference makes nanoseconds of it first, in an int64 that wraps.
  void Duration(uint32_t field, int64_t duration_us) {
    const auto nanoseconds = static_cast<int64_t>(static_cast<uint64_t>(duration_us) * 1'000);
    writer_.Nested(field, [&] {
      writer_.Varint(1, Signed(nanoseconds / 1'000'000'000));
      writer_.Varint(2, Signed(nanoseconds % 1'000'000'000));
    });
  }

  std::string& out_;
  ProtobufWriter writer_;
  std::string_view process_tags_;
};

}  // namespace

std::string EncodeProcessTags(const std::vector<ingest::Tag>& tags) {
  std::string encoded;
  Encoder(encoded, {}).Tags(kProcessTags, tags);
  return encoded;
}

span::IngestedBatch Encode(const ingest::Batch& batch, std::string_view process_tags) {
  span::IngestedBatch encoded;
  encoded.count = static_cast<uint32_t>(batch.spans.size());
  encoded.spans.reserve(batch.spans.size() * kUsualSpanBytes);
  Encoder encoder(encoded.spans, process_tags);
  for (const ingest::Span& span : batch.spans) encoder.Span(span);
  if (batch.process) Encoder(encoded.process.emplace(), process_tags).Fields(*batch.process);
  return encoded;
}

}  // namespace tracelet::exporter::wire
