#include "exporter/json/json_lines.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

namespace tracelet::exporter {
namespace {

// Can `text` stand between quotes as it is? Eight bytes at a time: a byte's top bit is
// set where it was set, where the byte is below ' ', and where it is '"' or '\\'. A
// borrow may set one too many, which only takes the slower way.
bool IsPlain(std::string_view text) {
  const auto marks = [](uint64_t word) {
    constexpr uint64_t kOnes = 0x0101'0101'0101'0101;
    return (word | (word - kOnes * ' ') | ((word ^ kOnes * '"') - kOnes) | ((word ^ kOnes * '\\') - kOnes)) & kOnes
                                                                                                                  << 7;
  };
  uint64_t word = 0;
  uint64_t found = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  if (text.size() < sizeof(word)) {
    for (; at < end; ++at) word = word << 8 | static_cast<uint8_t>(*at);
    const uint64_t filled = text.empty() ? 0 : ~uint64_t{0} >> 8 * (sizeof(word) - text.size());
    return (marks(word) & filled) == 0;
  }
  for (; end - at > static_cast<ptrdiff_t>(sizeof(word)); at += sizeof(word)) {
    std::memcpy(&word, at, sizeof(word));
    found |= marks(word);
  }
  std::memcpy(&word, end - sizeof(word), sizeof(word));
  return (found | marks(word)) == 0;
}

// Nearly all text is plain and is copied; the library does the rest.
void AppendString(std::string_view value, JsonText& text) {
  if (!IsPlain(value)) {
    text.Append(nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  char* at = text.Room(value.size() + 2);
  *at++ = '"';
  std::memcpy(at, value.data(), value.size());
  at[value.size()] = '"';
  text.Used(value.size() + 2);
}

template <typename Number>
void AppendNumber(Number value, JsonText& text) {
  constexpr size_t kDigits = 32;
  char* at = text.Room(kDigits);
  text.Used(static_cast<size_t>(std::to_chars(at, at + kDigits, value).ptr - at));
}

void AppendHex(uint64_t value, JsonText& text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  constexpr size_t kCount = 16;
  char* at = text.Room(kCount);
  for (size_t i = kCount; i-- > 0; value >>= 4) at[i] = kDigits[value & 0xf];
  text.Used(kCount);
}

void AppendTraceId(const span::TraceId& id, JsonText& text) {
  AppendHex(id.high, text);
  AppendHex(id.low, text);
}

struct AppendValue {
  JsonText& text;
  void operator()(const std::string& value) const { AppendString(value, text); }
  void operator()(int64_t value) const { AppendNumber(value, text); }
  void operator()(bool value) const { text.Append(std::string_view(value ? "true" : "false")); }
  void operator()(double value) const {
    if (std::isfinite(value)) {
      AppendNumber(value, text);
    } else {
      text.Append("null");
    }
  }
};

void AppendAttribute(std::string_view key, std::string_view value, JsonText& text) {
  AppendString(key, text);
  text.Append(":");
  AppendString(value, text);
  text.Append(",");
}

// Keys are constants and need no escapes.
void AppendKey(std::string_view key, JsonText& text) {
  char* at = text.Room(key.size() + 3);
  *at = '"';
  std::memcpy(at + 1, key.data(), key.size());
  at[key.size() + 1] = '"';
  at[key.size() + 2] = ':';
  text.Used(key.size() + 3);
}

void AppendAttributes(const span::Span& span, std::string_view process_attributes, JsonText& text) {
  text.Append(R"(,"attributes":{)");
  for (const span::Attribute& attribute : span.attributes) {
    AppendKey(attribute.key, text);
    std::visit(AppendValue{text}, attribute.value);
    text.Append(",");
  }
  if (span.link != span::LinkRule::kNone) AppendAttribute("tracelet.link", Name(span.link), text);
  if (span.refused != span::LinkRefusal::kNone) AppendAttribute("tracelet.link.refused", Name(span.refused), text);
  text.Append(process_attributes);
  text.Append("}");
}

void AppendLinks(const std::vector<span::Link>& links, JsonText& text) {
  text.Append(R"(,"links":[)");
  for (const span::Link& link : links) {
    if (&link != &links.front()) text.Append(",");
    text.Append(R"({"trace_id":")");
    AppendTraceId(link.trace_id, text);
    text.Append(R"(","span_id":")");
    AppendHex(link.span_id.value, text);
    text.Append("\"}");
  }
  text.Append("]");
}

}  // namespace

void AppendJsonLine(const span::Span& span, std::string_view process_attributes, JsonText& text) {
  text.Append(R"({"trace_id":")");
  AppendTraceId(span.trace_id, text);
  text.Append(R"(","span_id":")");
  AppendHex(span.span_id.value, text);
  text.Append(R"(","parent_span_id":")");
  if (span.parent_span_id) AppendHex(span.parent_span_id.value, text);
  text.Append(R"(","kind":)");
  text.Append(span.kind == span::Kind::kServer ? R"("server","name":)" : R"("client","name":)");
  AppendString(span.name, text);
  text.Append(R"(,"service":)");
  AppendString(span.process->service_name, text);
  text.Append(R"(,"pid":)");
  AppendNumber(span.process->key.tgid, text);
  text.Append(R"(,"start_unix_nano":)");
  AppendNumber(span.start_unix_ns, text);
  text.Append(R"(,"end_unix_nano":)");
  AppendNumber(span.end_unix_ns, text);
  text.Append(span.status == span::StatusCode::kError ? R"(,"status":"error")" : R"(,"status":"unset")");
  if (!span.trace_state.empty()) {
    text.Append(R"(,"trace_state":)");
    AppendString(span.trace_state, text);
  }
  AppendAttributes(span, process_attributes, text);
  AppendLinks(span.links, text);
  text.Append("}\n");
}

namespace {

// What the environment says is taken, except over what was observed.
bool IsResourceKey(std::string_view key) {
  return !key.empty() && key != "host.name" && key != "container.id" && key.rfind("process.", 0) != 0;
}

}  // namespace

std::string RenderProcessAttributes(const process::ProcessInfo& process, std::string_view host_name) {
  JsonText text;
  AppendAttribute("host.name", host_name, text);
  if (!process.exe.empty()) AppendAttribute("process.executable.path", process.exe, text);
  if (!process.comm.empty()) AppendAttribute("process.executable.name", process.comm, text);
  if (!process.container_id.empty()) AppendAttribute("container.id", process.container_id, text);
  for (const std::string& pair : process.resource_attributes) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos) continue;
    const std::string_view key = std::string_view(pair).substr(0, equals);
    if (IsResourceKey(key)) AppendAttribute(key, std::string_view(pair).substr(equals + 1), text);
  }
  text.Append(R"("process.parent_pid":)");
  AppendNumber(process.ppid, text);
  text.Append(R"(,"process.pid":)");
  AppendNumber(process.key.tgid, text);
  return std::string(text.view());
}

const std::string& JsonLines::ProcessAttributes(const std::shared_ptr<const process::ProcessInfo>& process) {
  Rendered& slot = rendered_[std::hash<process::ProcessKey>{}(process->key) % kProcesses];
  if (slot.process != process) slot = {process, RenderProcessAttributes(*process, host_name_)};
  return slot.text;
}

void JsonLines::OnSpan(std::shared_ptr<const span::Span> span) {
  line_.Clear();
  AppendJsonLine(*span, ProcessAttributes(span->process), line_);
  output_.Append(line_.view(), 1);
}

void JsonLines::OnWatermark(uint64_t /*unix_ns*/) { output_.Flush(); }

}  // namespace tracelet::exporter
