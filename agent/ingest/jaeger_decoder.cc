#include "agent/ingest/jaeger_decoder.h"

#include "agent/ingest/thrift_list.h"

namespace tracelet::ingest {
namespace {

using Struct = ThriftReader::Struct;
using enum ThriftType;

// jaeger.thrift, enum TagType.
constexpr int32_t kTagString = 0;
constexpr int32_t kTagDouble = 1;
constexpr int32_t kTagBool = 2;
constexpr int32_t kTagLong = 3;
constexpr int32_t kTagBinary = 4;

// What an element takes at least, in the compact protocol: two bytes per required field and one for the end.
constexpr size_t kMinTagBytes = 2 * 2 + 1;
constexpr size_t kMinReferenceBytes = 4 * 2 + 1;
constexpr size_t kMinLogBytes = 2 * 2 + 1;
constexpr size_t kMinSpanBytes = 8 * 2 + 1;

// Which required fields were there: bit n for field n.
class Required {
 public:
  explicit Required(uint32_t fields) : missing_(fields) {}
  void Found(int field) { missing_ &= ~(1u << field); }
  [[nodiscard]] bool AllFound() const { return missing_ == 0; }

 private:
  uint32_t missing_;
};

constexpr uint32_t Fields(std::initializer_list<int> fields) {
  uint32_t bits = 0;
  for (int field : fields) bits |= 1u << field;
  return bits;
}

class Decoder {
 public:
  Decoder(ThriftReader& reader, Batch& batch) : reader_(reader), batch_(batch) {}

  bool ReadArguments();

 private:
  // Each reads one struct; false: a required field is missing in it.
  bool ReadBatch();
  bool ReadProcess(Process& process);
  bool ReadSpan(Span& span);
  bool ReadTag(Tag& tag);
  bool ReadReference(Reference& reference);
  bool ReadLog(Log& log);
  bool ReadStats(ClientStats& stats);

  bool ReadSpans();
  bool ReadTags(std::vector<Tag>& tags);

  ThriftReader& reader_;
  Batch& batch_;
};

// The value by vType, never by which value fields are there: the Node client writes all of them.
void SetType(Tag& tag, int32_t type, std::string_view binary, bool boolean, Batch& batch) {
  switch (type) {
    case kTagString:
      tag.type = ValueType::kString;
      return;
    case kTagDouble:
      tag.type = ValueType::kFloat64;
      return;
    case kTagLong:
      tag.type = ValueType::kInt64;
      return;
    case kTagBool:
      tag.type = ValueType::kBool;
      tag.number = boolean ? 1 : 0;
      return;
    case kTagBinary:
      tag.type = ValueType::kBinary;
      tag.text = binary;
      return;
    default:
      tag.type = ValueType::kString;
      tag.text = batch.made.emplace_front("Unknown VType: " + std::to_string(type));
  }
}

bool Decoder::ReadTag(Tag& tag) {
  Required required(Fields({1, 2}));
  int32_t type = kTagString;
  bool boolean = false;
  std::string_view binary;
  for (Struct fields(reader_); fields.Next();) {
    switch (fields.key()) {
      case Key(1, kString):
        tag.key = reader_.String();
        required.Found(1);
        break;
      case Key(2, kI32):
        type = reader_.I32();
        required.Found(2);
        break;
      case Key(3, kString):
        tag.text = reader_.String();
        break;
      case Key(4, kDouble):
        tag.real = reader_.Double();
        break;
      case Key(5, kBool):
        boolean = reader_.Bool();
        break;
      case Key(6, kI64):
        tag.number = reader_.I64();
        break;
      case Key(7, kString):
        binary = reader_.String();
        break;
      default:
        fields.Skip();
    }
  }
  SetType(tag, type, binary, boolean, batch_);
  return required.AllFound();
}

bool Decoder::ReadTags(std::vector<Tag>& tags) {
  bool complete = true;
  ReadStructs(reader_, tags, kMinTagBytes, [&](Tag& tag) { complete &= ReadTag(tag); });
  return complete;
}

bool Decoder::ReadReference(Reference& reference) {
  Required required(Fields({1, 2, 3, 4}));
  for (Struct fields(reader_); fields.Next();) {
    switch (fields.key()) {
      case Key(1, kI32):
        reference.type = reader_.I32();
        required.Found(1);
        break;
      case Key(2, kI64):
        reference.trace_id.low = static_cast<uint64_t>(reader_.I64());
        required.Found(2);
        break;
      case Key(3, kI64):
        reference.trace_id.high = static_cast<uint64_t>(reader_.I64());
        required.Found(3);
        break;
      case Key(4, kI64):
        reference.span_id.value = static_cast<uint64_t>(reader_.I64());
        required.Found(4);
        break;
      default:
        fields.Skip();
    }
  }
  return required.AllFound();
}

bool Decoder::ReadLog(Log& log) {
  Required required(Fields({1, 2}));
  bool complete = true;
  for (Struct fields(reader_); fields.Next();) {
    switch (fields.key()) {
      case Key(1, kI64):
        log.time_us = reader_.I64();
        required.Found(1);
        break;
      case Key(2, kList):
        complete &= ReadTags(log.fields);
        required.Found(2);
        break;
      default:
        fields.Skip();
    }
  }
  return complete && required.AllFound();
}

// The parent is a reference in api_v2: added in front, unless one to it is there, of whatever type.
void AddParent(Span& span, span::SpanId parent) {
  if (!parent) return;
  for (const Reference& reference : span.references) {
    if (reference.span_id == parent && reference.trace_id == span.trace_id) return;
  }
  span.references.insert(span.references.begin(), Reference{0, span.trace_id, parent});
}

bool Decoder::ReadSpan(Span& span) {
  Required required(Fields({1, 2, 3, 4, 5, 7, 8, 9}));
  bool complete = true;
  span::SpanId parent;
  const auto id = [&](int field) {
    required.Found(field);
    return static_cast<uint64_t>(reader_.I64());
  };
  for (Struct fields(reader_); fields.Next();) {
    switch (fields.key()) {
      case Key(1, kI64):
        span.trace_id.low = id(1);
        break;
      case Key(2, kI64):
        span.trace_id.high = id(2);
        break;
      case Key(3, kI64):
        span.span_id.value = id(3);
        break;
      case Key(4, kI64):
        parent.value = id(4);
        break;
      case Key(5, kString):
        span.operation_name = reader_.String();
        required.Found(5);
        break;
      case Key(6, kList):
        ReadStructs(reader_, span.references, kMinReferenceBytes,
                    [&](Reference& reference) { complete &= ReadReference(reference); });
        break;
      case Key(7, kI32):
        span.flags = static_cast<uint32_t>(reader_.I32());
        required.Found(7);
        break;
      case Key(8, kI64):
        span.start_us = static_cast<int64_t>(id(8));
        break;
      case Key(9, kI64):
        span.duration_us = static_cast<int64_t>(id(9));
        break;
      case Key(10, kList):
        complete &= ReadTags(span.tags);
        break;
      case Key(11, kList):
        ReadStructs(reader_, span.logs, kMinLogBytes, [&](Log& log) { complete &= ReadLog(log); });
        break;
      default:
        fields.Skip();
    }
  }
  AddParent(span, parent);
  return complete && required.AllFound();
}

bool Decoder::ReadSpans() {
  return ReadStructs(reader_, batch_.spans, kMinSpanBytes, [&](Span& span) {
    ++batch_.received;
    const bool complete = ReadSpan(span);
    if (!complete) batch_.lost.Add(SpanLoss::kMissingField);
    const bool representable = Representable(span);
    if (complete && !representable) batch_.lost.Add(SpanLoss::kTimeRange);
    if (!complete || !representable) batch_.spans.pop_back();
  });
}

bool Decoder::ReadProcess(Process& process) {
  Required required(Fields({1}));
  bool complete = true;
  for (Struct fields(reader_); fields.Next();) {
    switch (fields.key()) {
      case Key(1, kString):
        process.service_name = reader_.String();
        required.Found(1);
        break;
      case Key(2, kList):
        complete &= ReadTags(process.tags);
        break;
      default:
        fields.Skip();
    }
  }
  return complete && required.AllFound();
}

bool Decoder::ReadStats(ClientStats& stats) {
  Required required(Fields({1, 2, 3}));
  for (Struct fields(reader_); fields.Next();) {
    switch (fields.key()) {
      case Key(1, kI64):
        stats.full_queue_dropped_spans = reader_.I64();
        required.Found(1);
        break;
      case Key(2, kI64):
        stats.too_large_dropped_spans = reader_.I64();
        required.Found(2);
        break;
      case Key(3, kI64):
        stats.failed_to_emit_spans = reader_.I64();
        required.Found(3);
        break;
      default:
        fields.Skip();
    }
  }
  return required.AllFound();
}

bool Decoder::ReadBatch() {
  Required required(Fields({1, 2}));
  bool complete = true;
  for (Struct fields(reader_); fields.Next();) {
    switch (fields.key()) {
      case Key(1, kStruct):
        complete = ReadProcess(batch_.process.emplace());
        required.Found(1);
        break;
      case Key(2, kList):
        if (ReadSpans()) required.Found(2);
        break;
      case Key(3, kI64):
        batch_.sequence = reader_.I64();
        break;
      case Key(4, kStruct):
        // Statistics are no reason to lose spans.
        if (!ReadStats(batch_.stats.emplace())) batch_.stats.reset();
        break;
      default:
        fields.Skip();
    }
  }
  return complete && required.AllFound();
}

bool Decoder::ReadArguments() {
  bool found = false;
  for (Struct fields(reader_); fields.Next();) {
    if (fields.key() == Key(1, kStruct)) {
      found = ReadBatch();
    } else {
      fields.Skip();
    }
  }
  return found && reader_.ok();
}

}  // namespace

bool DecodeJaegerBatch(ThriftReader& reader, Batch& batch) {
  batch.format = Format::kJaeger;
  return Decoder(reader, batch).ReadArguments();
}

}  // namespace tracelet::ingest
