#include "agent/ingest/zipkin_converter.h"

#include <sodium.h>

#include <algorithm>
#include <bit>
#include <tuple>

#include "agent/base/bytes.h"
#include "agent/ingest/zipkin_log.h"

namespace tracelet::ingest::zipkin {
namespace {

using JaegerSpan = ingest::Span;

constexpr uint32_t kDebugFlag = 2;
constexpr std::string_view kSpanKind = "span.kind";
constexpr std::string_view kClient = "client";
constexpr std::string_view kServer = "server";

// "client" or "server" for the four core annotations, else empty.
std::string_view CoreKind(std::string_view annotation) {
  if (annotation == kClientSend || annotation == kClientReceive) return kClient;
  if (annotation == kServerReceive || annotation == kServerSend) return kServer;
  return {};
}

// Some annotations say something of the process: their key there, else empty.
std::string_view ProcessKey(std::string_view key) {
  if (key == "jaegerClient" || key == "jaeger.version") return "jaeger.version";
  if (key == "jaeger.hostname") return "hostname";
  return {};
}

Tag Text(std::string_view key, std::string_view text) { return {.key = key, .text = text}; }
Tag Number(std::string_view key, int64_t number) { return {.key = key, .type = ValueType::kInt64, .number = number}; }

// Wraps as Go's int64 does: anybody can have sent any times.
int64_t Difference(int64_t end, int64_t begin) {
  return static_cast<int64_t>(static_cast<uint64_t>(end) - static_cast<uint64_t>(begin));
}

class Converter {
 public:
  Converter(const Span& from, Batch& batch) : from_(from), batch_(batch) {}

  void Convert();

 private:
  template <typename Unsigned>
  Tag NumberTag(const BinaryAnnotation& annotation);
  Tag ToTag(const BinaryAnnotation& annotation);
  Tag Unparsable(const BinaryAnnotation& annotation, std::string_view why);
  static void AddPeerTags(const Endpoint& peer, std::vector<Tag>& tags);
  void AddTags(std::vector<Tag>& tags);
  // What is the same in both spans of a client and server span.
  JaegerSpan Base();
  JaegerSpan ToSpan();
  JaegerSpan OtherSide(const JaegerSpan& span, const Annotation& cs, const Annotation& sr);
  void AddLogs(std::vector<Log>& logs);
  [[nodiscard]] const Endpoint* FindService() const;
  Process ToProcess(const Endpoint& service);

  const Span& from_;
  Batch& batch_;
};

Tag Converter::Unparsable(const BinaryAnnotation& annotation, std::string_view why) {
  std::string& text = batch_.made.emplace_front("Cannot parse Zipkin value ");
  std::string base64(sodium_base64_ENCODED_LEN(annotation.value.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(base64.data(), base64.size(), reinterpret_cast<const unsigned char*>(annotation.value.data()),
                    annotation.value.size(), sodium_base64_VARIANT_ORIGINAL);
  base64.pop_back();  // its terminating zero
  text.append(base64).append(": ").append(why);
  return Text(annotation.key, text);
}

// Big-endian; what follows the number is not looked at.
template <typename Unsigned>
Tag Converter::NumberTag(const BinaryAnnotation& annotation) {
  const auto value = ByteReader(annotation.value).BigEndian<Unsigned>();
  if (!value) return Unparsable(annotation, annotation.value.empty() ? "EOF" : "unexpected EOF");
  if (annotation.type == AnnotationType::kDouble) {
    return {.key = annotation.key, .type = ValueType::kFloat64, .real = std::bit_cast<double>(uint64_t{*value})};
  }
  return Number(annotation.key, static_cast<std::make_signed_t<Unsigned>>(*value));
}

Tag Converter::ToTag(const BinaryAnnotation& annotation) {
  switch (annotation.type) {
    case AnnotationType::kBool:
      return {.key = annotation.key,
              .type = ValueType::kBool,
              .number = annotation.value == std::string_view("\1", 1) ? 1 : 0};
    case AnnotationType::kBytes:
      return {.key = annotation.key, .type = ValueType::kBinary, .text = annotation.value};
    case AnnotationType::kI16:
      return NumberTag<uint16_t>(annotation);
    case AnnotationType::kI32:
      return NumberTag<uint32_t>(annotation);
    case AnnotationType::kI64:
    case AnnotationType::kDouble:
      return NumberTag<uint64_t>(annotation);
    case AnnotationType::kString:
      return Text(annotation.key, annotation.value);
  }
  return Unparsable(annotation,
                    "unknown zipkin annotation type: " + std::to_string(static_cast<int32_t>(annotation.type)));
}

void Converter::AddPeerTags(const Endpoint& peer, std::vector<Tag>& tags) {
  tags.push_back(Text("peer.service", peer.service_name));
  if (peer.ipv4 != 0) tags.push_back(Number("peer.ipv4", static_cast<uint32_t>(peer.ipv4)));
  if (peer.ipv6) tags.push_back({.key = "peer.ipv6", .type = ValueType::kBinary, .text = *peer.ipv6});
  if (peer.port != 0) tags.push_back(Number("peer.port", static_cast<uint16_t>(peer.port)));
}

void Converter::AddTags(std::vector<Tag>& tags) {
  for (const BinaryAnnotation& annotation : from_.binary_annotations) {
    const std::string_view key = annotation.key;
    if (!ProcessKey(key).empty()) continue;
    if (key == kLocalComponent) {
      tags.push_back(Text("component", annotation.value));
    } else if (key == kServerAddress || key == kClientAddress || key == kMessageAddress) {
      if (annotation.host) AddPeerTags(*annotation.host, tags);
    } else {
      tags.push_back(ToTag(annotation));
    }
  }
  for (const Annotation& annotation : from_.annotations) {
    const std::string_view kind = CoreKind(annotation.value);
    if (kind.empty()) continue;
    tags.push_back(Text(kSpanKind, kind));
    return;
  }
}

void Converter::AddLogs(std::vector<Log>& logs) {
  for (const Annotation& annotation : from_.annotations) {
    if (annotation.value.empty() || !CoreKind(annotation.value).empty()) continue;
    logs.push_back({annotation.time_us, LogFields(annotation.value, batch_.made)});
  }
}

JaegerSpan Converter::Base() {
  JaegerSpan span;
  span.trace_id = {from_.trace_id_high, from_.trace_id};
  span.span_id = {from_.id};
  span.operation_name = from_.name;
  span.flags = from_.debug ? kDebugFlag : 0;
  if (from_.parent_id && *from_.parent_id != 0) span.references = {{0, span.trace_id, {*from_.parent_id}}};
  return span;
}

JaegerSpan Converter::ToSpan() {
  JaegerSpan span = Base();
  span.start_us = from_.time_us.value_or(0);
  span.duration_us = from_.duration_us.value_or(0);
  const Annotation* begin = Find(from_, kClientSend);
  const Annotation* end = Find(from_, kClientReceive);
  if (begin == nullptr) {
    begin = Find(from_, kServerReceive);
    end = Find(from_, kServerSend);
  }
  if (span.start_us == 0 && begin != nullptr) {
    span.start_us = begin->time_us;
    if (end != nullptr && span.duration_us == 0) span.duration_us = Difference(end->time_us, begin->time_us);
  }
  AddTags(span.tags);
  AddLogs(span.logs);
  return span;
}

JaegerSpan Converter::OtherSide(const JaegerSpan& span, const Annotation& cs, const Annotation& sr) {
  // The kind is the *first* tag of that name, which an annotation can have set.
  const auto kind =
      std::find_if(span.tags.begin(), span.tags.end(), [](const Tag& tag) { return tag.key == kSpanKind; });
  const bool server = kind != span.tags.end() && kind->type == ValueType::kString && kind->text == kClient;
  const Annotation& begin = server ? sr : cs;
  const Annotation* end = Find(from_, server ? kServerSend : kClientReceive);
  JaegerSpan other = Base();
  other.tags = {Text(kSpanKind, server ? kServer : kClient)};
  other.start_us = begin.time_us;
  if (end != nullptr) other.duration_us = Difference(end->time_us, begin.time_us);
  return other;
}

// Where the first of these names a service: a core annotation, the local component, any
// annotation, any binary annotation.
const Endpoint* Converter::FindService() const {
  const auto named = [](const auto& annotations, const auto& fits) -> const Endpoint* {
    for (const auto& annotation : annotations) {
      if (annotation.host && !annotation.host->service_name.empty() && fits(annotation)) return &*annotation.host;
    }
    return nullptr;
  };
  const auto core = [](const Annotation& annotation) { return !CoreKind(annotation.value).empty(); };
  const auto local = [](const BinaryAnnotation& annotation) { return annotation.key == kLocalComponent; };
  const auto any = [](const auto&) { return true; };
  if (const Endpoint* found = named(from_.annotations, core)) return found;
  if (const Endpoint* found = named(from_.binary_annotations, local)) return found;
  if (const Endpoint* found = named(from_.annotations, any)) return found;
  return named(from_.binary_annotations, any);
}

Process Converter::ToProcess(const Endpoint& service) {
  Process process;
  process.service_name = service.service_name;
  for (const BinaryAnnotation& annotation : from_.binary_annotations) {
    const std::string_view key = ProcessKey(annotation.key);
    if (key.empty()) continue;
    process.tags.push_back(ToTag(annotation));
    process.tags.back().key = key;
  }
  if (service.ipv4 != 0) process.tags.push_back(Number("ip", service.ipv4));
  const auto order = [](const Tag& tag) { return std::tie(tag.key, tag.type, tag.text, tag.number); };
  std::stable_sort(process.tags.begin(), process.tags.end(),
                   [&](const Tag& a, const Tag& b) { return order(a) < order(b); });
  return process;
}

void Converter::Convert() {
  ++batch_.received;
  const Endpoint* service = FindService();
  if (service == nullptr) return batch_.lost.Add(SpanLoss::kNoServiceName);
  JaegerSpan span = ToSpan();
  if (!Representable(span)) return batch_.lost.Add(SpanLoss::kTimeRange);
  span.process = ToProcess(*service);
  const Annotation* cs = Find(from_, kClientSend);
  const Annotation* sr = Find(from_, kServerReceive);
  if (cs == nullptr || sr == nullptr) return batch_.spans.push_back(std::move(span));
  JaegerSpan other = OtherSide(span, *cs, *sr);
  if (!Representable(other)) return batch_.lost.Add(SpanLoss::kTimeRange);
  other.process = span.process;
  batch_.spans.push_back(std::move(span));
  batch_.spans.push_back(std::move(other));
}

}  // namespace

void Convert(const Span& span, Batch& batch) { Converter(span, batch).Convert(); }

}  // namespace tracelet::ingest::zipkin
