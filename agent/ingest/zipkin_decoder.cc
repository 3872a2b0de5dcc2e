#include "agent/ingest/zipkin_decoder.h"

#include "agent/ingest/thrift_list.h"
#include "agent/ingest/zipkin_converter.h"
#include "agent/ingest/zipkin_model.h"
#include "agent/ingest/zipkin_sanitizer.h"

namespace tracelet::ingest {
namespace {

using Struct = ThriftReader::Struct;
using enum ThriftType;

constexpr size_t kUsualBytes = 12;  // of an annotation: nothing in it is required

void Read(ThriftReader& reader, zipkin::Endpoint& endpoint) {
  for (Struct fields(reader); fields.Next();) {
    switch (fields.key()) {
      case Key(1, kI32):
        endpoint.ipv4 = reader.I32();
        break;
      case Key(2, kI16):
        endpoint.port = reader.I16();
        break;
      case Key(3, kString):
        endpoint.service_name = reader.String();
        break;
      case Key(4, kString):
        endpoint.ipv6 = reader.String();
        break;
      default:
        fields.Skip();
    }
  }
}

void Read(ThriftReader& reader, zipkin::Annotation& annotation) {
  for (Struct fields(reader); fields.Next();) {
    switch (fields.key()) {
      case Key(1, kI64):
        annotation.time_us = reader.I64();
        break;
      case Key(2, kString):
        annotation.value = reader.String();
        break;
      case Key(3, kStruct):
        Read(reader, annotation.host.emplace());
        break;
      default:
        fields.Skip();
    }
  }
}

void Read(ThriftReader& reader, zipkin::BinaryAnnotation& annotation) {
  for (Struct fields(reader); fields.Next();) {
    switch (fields.key()) {
      case Key(1, kString):
        annotation.key = reader.String();
        break;
      case Key(2, kString):
        annotation.value = reader.String();
        break;
      case Key(3, kI32):
        annotation.type = static_cast<zipkin::AnnotationType>(reader.I32());
        break;
      case Key(4, kStruct):
        Read(reader, annotation.host.emplace());
        break;
      default:
        fields.Skip();
    }
  }
}

void Read(ThriftReader& reader, zipkin::Span& span) {
  const auto id = [&] { return static_cast<uint64_t>(reader.I64()); };
  for (Struct fields(reader); fields.Next();) {
    switch (fields.key()) {
      case Key(1, kI64):
        span.trace_id = id();
        break;
      case Key(3, kString):
        span.name = reader.String();
        break;
      case Key(4, kI64):
        span.id = id();
        break;
      case Key(5, kI64):
        span.parent_id = id();
        break;
      case Key(6, kList):
        ReadStructs(reader, span.annotations, kUsualBytes, [&](auto& annotation) { Read(reader, annotation); });
        break;
      case Key(8, kList):
        ReadStructs(reader, span.binary_annotations, kUsualBytes, [&](auto& annotation) { Read(reader, annotation); });
        break;
      case Key(9, kBool):
        span.debug = reader.Bool();
        break;
      case Key(10, kI64):
        span.time_us = reader.I64();
        break;
      case Key(11, kI64):
        span.duration_us = reader.I64();
        break;
      case Key(12, kI64):
        span.trace_id_high = id();
        break;
      default:
        fields.Skip();
    }
  }
}

}  // namespace

bool DecodeZipkinBatch(ThriftReader& reader, Batch& batch) {
  batch.format = Format::kZipkin;
  const auto begin = [](uint32_t /*size*/) {};
  const auto read = [&] {
    zipkin::Span span;
    Read(reader, span);
    if (!reader.ok()) return;
    zipkin::Sanitize(span, batch.made);
    zipkin::Convert(span, batch);
  };
  for (Struct fields(reader); fields.Next();) {
    if (fields.key() == Key(1, kList)) {
      ForEachStruct(reader, begin, read);
    } else {
      fields.Skip();
    }
  }
  return reader.ok();
}

}  // namespace tracelet::ingest
