#include "agent/span/propagation.h"

#include <array>
#include <cctype>
#include <string_view>

namespace tracelet::span {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr size_t kMaxTraceState = 512;  // W3C Trace Context §3.3.1.5: at least this much must be passed on

std::string_view Trim(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

// The value of a header that is there exactly once.
std::optional<std::string_view> Single(const Headers& headers, std::string_view name) {
  std::optional<std::string_view> found;
  for (const auto& [key, value] : headers) {
    if (key != name) continue;
    if (found) return std::nullopt;
    found = Trim(value);
  }
  return found;
}

std::optional<uint64_t> Hex(std::string_view text, bool lower_case_only = false) {
  if (text.empty() || text.size() > 16) return std::nullopt;
  uint64_t value = 0;
  for (char c : text) {
    if (!lower_case_only && c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    const bool digit = c >= '0' && c <= '9';
    if (!digit && (c < 'a' || c > 'f')) return std::nullopt;
    value = value << 4 | static_cast<uint64_t>(digit ? c - '0' : c - 'a' + 10);
  }
  return value;
}

std::optional<TraceId> ParseTraceId(std::string_view text, bool lower_case_only = false) {
  if (text.size() > 32) return std::nullopt;
  const size_t high_digits = text.size() > 16 ? text.size() - 16 : 0;
  const auto high = high_digits == 0 ? std::optional<uint64_t>(0) : Hex(text.substr(0, high_digits), lower_case_only);
  const auto low = Hex(text.substr(high_digits), lower_case_only);
  if (!high || !low || (*high | *low) == 0) return std::nullopt;
  return TraceId{*high, *low};
}

std::optional<TraceContext> MakeContext(std::optional<TraceId> trace_id, std::optional<uint64_t> span_id,
                                        bool sampled) {
  if (!trace_id || !span_id || *span_id == 0) return std::nullopt;
  return TraceContext{.trace_id = *trace_id, .parent_id = SpanId{*span_id}, .sampled = sampled, .trace_state = {}};
}

std::string JoinTraceState(const Headers& headers) {
  std::string joined;
  for (const auto& [name, value] : headers) {
    if (name != "tracestate" || Trim(value).empty()) continue;
    if (!joined.empty()) joined += ',';
    joined += Trim(value);
  }
  if (joined.size() > kMaxTraceState) {
    const size_t comma = joined.rfind(',', kMaxTraceState);
    joined.resize(comma == std::string::npos ? 0 : comma);
  }
  return joined;
}

std::optional<TraceContext> ParseW3c(const Headers& headers) {
  constexpr size_t kLength = 55;  // "00-" 32 "-" 16 "-" 2
  const auto value = Single(headers, "traceparent");
  if (!value || value->size() < kLength) return std::nullopt;
  const auto version = Hex(value->substr(0, 2), true);
  if (!version || *version == 0xff) return std::nullopt;
  if (value->size() > kLength && (*version == 0 || (*value)[kLength] != '-')) return std::nullopt;
  if ((*value)[2] != '-' || (*value)[35] != '-' || (*value)[52] != '-') return std::nullopt;
  const auto flags = Hex(value->substr(53, 2), true);
  if (!flags) return std::nullopt;
  auto context =
      MakeContext(ParseTraceId(value->substr(3, 32), true), Hex(value->substr(36, 16), true), (*flags & 1) != 0);
  if (context) context->trace_state = JoinTraceState(headers);
  return context;
}

std::optional<TraceContext> B3Context(std::string_view trace_id, std::string_view span_id, bool sampled) {
  if ((trace_id.size() != 16 && trace_id.size() != 32) || span_id.size() != 16) return std::nullopt;
  return MakeContext(ParseTraceId(trace_id), Hex(span_id), sampled);
}

// Up to four fields between separators; nullopt when there are more.
std::optional<std::array<std::string_view, 4>> SplitFour(std::string_view text, char separator, size_t& count) {
  std::array<std::string_view, 4> fields;
  for (count = 0; count < fields.size();) {
    const size_t end = text.find(separator);
    fields[count++] = text.substr(0, end);
    if (end == std::string_view::npos) return fields;
    text.remove_prefix(end + 1);
  }
  return std::nullopt;
}

std::optional<TraceContext> ParseB3Single(const Headers& headers) {
  const auto value = Single(headers, "b3");
  if (!value) return std::nullopt;
  size_t count = 0;
  const auto fields = SplitFour(*value, '-', count);
  if (!fields || count < 2) return std::nullopt;
  const auto& [trace_id, span_id, sampled, parent] = *fields;
  if (count > 2 && sampled != "0" && sampled != "1" && sampled != "d") return std::nullopt;
  if (count > 3 && (parent.size() != 16 || !Hex(parent))) return std::nullopt;
  return B3Context(trace_id, span_id, count < 3 || sampled != "0");
}

std::optional<TraceContext> ParseB3Multi(const Headers& headers) {
  const auto trace_id = Single(headers, "x-b3-traceid");
  const auto span_id = Single(headers, "x-b3-spanid");
  if (!trace_id || !span_id) return std::nullopt;
  const auto sampled = Single(headers, "x-b3-sampled");
  const bool debug = Single(headers, "x-b3-flags") == "1";
  return B3Context(*trace_id, *span_id, debug || (sampled != "0" && sampled != "false"));
}

std::optional<TraceContext> ParseUber(const Headers& headers) {
  const auto value = Single(headers, "uber-trace-id");
  if (!value) return std::nullopt;
  std::string decoded;
  for (size_t i = 0; i < value->size(); ++i) {
    const std::string_view rest = value->substr(i);
    const bool colon = rest.starts_with("%3A") || rest.starts_with("%3a");
    decoded += colon ? ':' : rest[0];
    i += colon ? 2 : 0;
  }
  size_t count = 0;
  const auto fields = SplitFour(decoded, ':', count);
  if (!fields || count != 4) return std::nullopt;
  const auto& [trace_id, span_id, parent, flags] = *fields;
  const auto bits = Hex(flags);
  if (!bits || flags.size() > 2 || !Hex(parent)) return std::nullopt;
  return MakeContext(ParseTraceId(trace_id), Hex(span_id), (*bits & 1) != 0);
}

}  // namespace

std::optional<TraceContext> ParseContext(const Headers& headers) {
  if (headers.empty()) return std::nullopt;
  for (auto* parse : {ParseW3c, ParseB3Single, ParseB3Multi, ParseUber}) {
    if (auto context = parse(headers)) return context;
  }
  return std::nullopt;
}

}  // namespace tracelet::span
