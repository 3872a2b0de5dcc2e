// zipkincore.thrift's span as received: nothing in it is required, and what is absent
// differs from zero. Text is views into the datagram or into what a sanitizer made.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace tracelet::ingest::zipkin {

struct Endpoint {
  int32_t ipv4 = 0;
  int16_t port = 0;  // unsigned in truth
  std::string_view service_name;
  std::optional<std::string_view> ipv6;
};

struct Annotation {
  int64_t time_us = 0;
  std::string_view value;
  std::optional<Endpoint> host;
};

// zipkincore.thrift, enum AnnotationType.
enum class AnnotationType : int32_t { kBool, kBytes, kI16, kI32, kI64, kDouble, kString };

struct BinaryAnnotation {
  std::string_view key;
  std::string_view value;
  AnnotationType type = AnnotationType::kBool;  // any number can have come
  std::optional<Endpoint> host;
};

struct Span {
  uint64_t trace_id = 0;
  uint64_t trace_id_high = 0;
  uint64_t id = 0;
  std::string_view name;
  std::optional<uint64_t> parent_id;
  std::vector<Annotation> annotations;
  std::vector<BinaryAnnotation> binary_annotations;
  bool debug = false;
  std::optional<int64_t> time_us;
  std::optional<int64_t> duration_us;
};

// Core annotations and the keys of addresses and the local component.
inline constexpr std::string_view kClientSend = "cs";
inline constexpr std::string_view kClientReceive = "cr";
inline constexpr std::string_view kServerReceive = "sr";
inline constexpr std::string_view kServerSend = "ss";
inline constexpr std::string_view kLocalComponent = "lc";
inline constexpr std::string_view kClientAddress = "ca";
inline constexpr std::string_view kServerAddress = "sa";
inline constexpr std::string_view kMessageAddress = "ma";

// The first annotation with this value, or null.
inline const Annotation* Find(const Span& span, std::string_view value) {
  for (const Annotation& annotation : span.annotations) {
    if (annotation.value == value) return &annotation;
  }
  return nullptr;
}

}  // namespace tracelet::ingest::zipkin
