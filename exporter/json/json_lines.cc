#include "exporter/json/json_lines.h"

#include <spdlog/fmt/fmt.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace tracelet::exporter {
namespace {

bool NeedsEscaping(std::string_view text) {
  for (const char byte : text) {
    const auto code = static_cast<unsigned char>(byte);
    if (code < 0x20 || code > 0x7e || code == '"' || code == '\\') return true;
  }
  return false;
}

// Nearly all text is plain ASCII and is copied; the library does the rest.
void AppendString(std::string_view value, std::string& text) {
  if (NeedsEscaping(value)) {
    text += nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return;
  }
  text += '"';
  text += value;
  text += '"';
}

template <typename Number>
void AppendNumber(Number value, std::string& text) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  text.append(digits.data(), end);
}

void AppendHex(uint64_t value, std::string& text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::array<char, 16> digits;
  for (size_t i = digits.size(); i-- > 0; value >>= 4) digits[i] = kDigits[value & 0xf];
  text.append(digits.data(), digits.size());
}

void AppendTraceId(const span::TraceId& id, std::string& text) {
  AppendHex(id.high, text);
  AppendHex(id.low, text);
}

struct AppendValue {
  std::string& text;
  void operator()(const std::string& value) const { AppendString(value, text); }
  void operator()(int64_t value) const { AppendNumber(value, text); }
  void operator()(bool value) const { text += value ? "true" : "false"; }
  void operator()(double value) const {
    if (std::isfinite(value)) {
      AppendNumber(value, text);
    } else {
      text += "null";
    }
  }
};

void AppendAttribute(std::string_view key, std::string_view value, std::string& text) {
  AppendString(key, text);
  text += ':';
  AppendString(value, text);
  text += ',';
}

void AppendAttributes(const span::Span& span, std::string_view process_attributes, std::string& text) {
  text += R"(,"attributes":{)";
  for (const span::Attribute& attribute : span.attributes) {
    AppendString(attribute.key, text);
    text += ':';
    std::visit(AppendValue{text}, attribute.value);
    text += ',';
  }
  if (span.link != span::LinkRule::kNone) AppendAttribute("tracelet.link", Name(span.link), text);
  if (span.refused != span::LinkRefusal::kNone) AppendAttribute("tracelet.link.refused", Name(span.refused), text);
  text += process_attributes;
  text += '}';
}

void AppendLinks(const std::vector<span::Link>& links, std::string& text) {
  text += R"(,"links":[)";
  for (const span::Link& link : links) {
    text += R"({"trace_id":")";
    AppendTraceId(link.trace_id, text);
    text += R"(","span_id":")";
    AppendHex(link.span_id.value, text);
    text += "\"},";
  }
  if (!links.empty()) text.pop_back();
  text += ']';
}

}  // namespace

void AppendJsonLine(const span::Span& span, std::string_view process_attributes, std::string& text) {
  text += R"({"trace_id":")";
  AppendTraceId(span.trace_id, text);
  text += R"(","span_id":")";
  AppendHex(span.span_id.value, text);
  text += R"(","parent_span_id":")";
  if (span.parent_span_id) AppendHex(span.parent_span_id.value, text);
  text += span.kind == span::Kind::kServer ? R"(","kind":"server","name":)" : R"(","kind":"client","name":)";
  AppendString(span.name, text);
  text += R"(,"service":)";
  AppendString(span.process->service_name, text);
  text += R"(,"pid":)";
  AppendNumber(span.process->key.tgid, text);
  text += R"(,"start_unix_nano":)";
  AppendNumber(span.start_unix_ns, text);
  text += R"(,"end_unix_nano":)";
  AppendNumber(span.end_unix_ns, text);
  text += span.status == span::StatusCode::kError ? R"(,"status":"error")" : R"(,"status":"unset")";
  if (!span.trace_state.empty()) {
    text += R"(,"trace_state":)";
    AppendString(span.trace_state, text);
  }
  AppendAttributes(span, process_attributes, text);
  AppendLinks(span.links, text);
  text += "}\n";
}

namespace {

// What the environment says is taken, except over what was observed.
bool IsResourceKey(std::string_view key) {
  return !key.empty() && key != "host.name" && key != "container.id" && key.rfind("process.", 0) != 0;
}

}  // namespace

std::string RenderProcessAttributes(const process::ProcessInfo& process, std::string_view host_name) {
  std::string text;
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
  text += R"("process.parent_pid":)";
  AppendNumber(process.ppid, text);
  text += R"(,"process.pid":)";
  AppendNumber(process.key.tgid, text);
  return text;
}

const std::string& JsonLines::ProcessAttributes(const std::shared_ptr<const process::ProcessInfo>& process) {
  Rendered& slot = rendered_[std::hash<process::ProcessKey>{}(process->key) % kProcesses];
  if (slot.process != process) slot = {process, RenderProcessAttributes(*process, host_name_)};
  return slot.text;
}

void JsonLines::OnSpan(std::shared_ptr<const span::Span> span) {
  line_.clear();
  AppendJsonLine(*span, ProcessAttributes(span->process), line_);
  output_.Append(line_, 1);
}

void JsonLines::OnWatermark(uint64_t /*unix_ns*/) { output_.Flush(); }

}  // namespace tracelet::exporter
