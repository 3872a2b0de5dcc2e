// Identifiers of spans and traces, in the sizes of W3C Trace Context.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

namespace tracelet::span {

struct SpanId {
  uint64_t value = 0;                               // 0: none (W3C Trace Context §3.2.2.4: all zeros is invalid)
  auto operator<=>(const SpanId&) const = default;  // NOLINT(modernize-use-nullptr): a compiler's 0
  explicit operator bool() const { return value != 0; }
  [[nodiscard]] std::string Hex() const;  // 16 digits
};

struct TraceId {
  uint64_t high = 0;
  uint64_t low = 0;
  auto operator<=>(const TraceId&) const = default;
  explicit operator bool() const { return (high | low) != 0; }
  [[nodiscard]] std::string Hex() const;  // 32 digits
};

}  // namespace tracelet::span

template <>
struct std::hash<tracelet::span::SpanId> {
  size_t operator()(const tracelet::span::SpanId& id) const { return std::hash<uint64_t>{}(id.value); }
};
template <>
struct std::hash<tracelet::span::TraceId> {
  size_t operator()(const tracelet::span::TraceId& id) const { return std::hash<uint64_t>{}(id.low ^ id.high); }
};
