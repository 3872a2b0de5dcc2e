#include "exporter/json/json_lines.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

namespace tracelet::exporter {
namespace {

// Which of eight bytes cannot stand between quotes as they are: a byte's top bit is set where it was set, where the
// byte is below ' ', and where it is '"' or '\\'. A borrow may set one too many, which only takes the slower way.
uint64_t Marks(uint64_t word) {
  constexpr uint64_t kOnes = 0x0101'0101'0101'0101;
  return (word | (word - kOnes * ' ') | ((word ^ kOnes * '"') - kOnes) | ((word ^ kOnes * '\\') - kOnes)) & kOnes << 7;
}

template <typename Word>
Word Copy(char* to, const char* from) {
  Word word;
  std::memcpy(&word, from, sizeof(word));
  std::memcpy(to, &word, sizeof(word));
  return word;
}

constexpr size_t kNumber = 32;  // more than the characters of any

// These write where TextBlock::Room() has made room, and return where they ended.
template <size_t kSize>
char* Put(char* at, const char (&literal)[kSize]) {
  std::memcpy(at, literal, kSize - 1);
  return at + kSize - 1;
}

// Text of some words is copied without a call, the last word over the end of the one before it.
constexpr size_t kWord = sizeof(uint64_t);
constexpr size_t kHalf = sizeof(uint32_t);

char* PutKey(char* at, std::string_view key) {
  const size_t size = key.size();
  if (size < kWord) {
    key.copy(at, size);
  } else {
    for (size_t i = 0; i + kWord < size; i += kWord) Copy<uint64_t>(at + i, key.data() + i);
    Copy<uint64_t>(at + size - kWord, key.data() + size - kWord);
  }
  return at + size;
}

// The text in quotes; null if it cannot stand there as it is.
char* PutQuoted(char* at, std::string_view text) {
  const size_t size = text.size();
  const char* from = text.data();
  *at++ = '"';
  uint64_t marks = 0;
  if (size >= kWord) {
    for (size_t i = 0; i + kWord < size; i += kWord) marks |= Marks(Copy<uint64_t>(at + i, from + i));
    marks |= Marks(Copy<uint64_t>(at + size - kWord, from + size - kWord));
  } else if (size >= kHalf) {
    const uint64_t first = Copy<uint32_t>(at, from);
    marks = Marks(first | uint64_t{Copy<uint32_t>(at + size - kHalf, from + size - kHalf)} << 32);
  } else {
    uint64_t word = ~uint64_t{0} / 0xff * 'x';
    for (size_t i = 0; i < size; ++i) {
      word = word << 8 | static_cast<uint8_t>(from[i]);
      at[i] = from[i];
    }
    marks = Marks(word);
  }
  return marks == 0 ? Put(at + size, "\"") : nullptr;
}

template <typename Number>
char* PutNumber(char* at, Number value) {
  return std::to_chars(at, at + kNumber, value).ptr;
}

// Most are durations: seconds, whole nanoseconds. Their digits are written at a third of what to_chars() costs;
// as it does, no more of them than name the value.
char* PutDouble(char* at, double value) {
  constexpr uint64_t kNanoseconds = 1'000'000'000;
  constexpr double kMost = 1e5;  // seconds, which a double tells apart by less than a nanosecond
  if (!(value >= 0 && value < kMost)) return PutNumber(at, value);
  const auto nanoseconds = static_cast<uint64_t>(std::llround(value * kNanoseconds));
  if (static_cast<double>(nanoseconds) / kNanoseconds != value) return PutNumber(at, value);
  at = PutNumber(at, nanoseconds / kNanoseconds);
  const uint64_t fraction = nanoseconds % kNanoseconds;
  if (fraction == 0) return at;
  char* end = PutNumber(at, kNanoseconds + fraction);  // its 1 keeps the zeros behind it, and gives way to the point
  *at = '.';
  while (end[-1] == '0') --end;
  return end;
}

// Eight digits at once, each in a byte of a word. The first one is the lowest byte.
uint64_t HexDigits(uint32_t value) {
  static_assert(std::endian::native == std::endian::little);
  constexpr uint64_t kOnes = 0x0101'0101'0101'0101;
  uint64_t word = __builtin_bswap32(value);
  word = (word | word << 16) & 0x0000'ffff'0000'ffff;
  word = (word | word << 8) & 0x00ff'00ff'00ff'00ff;
  word = (word >> 4 | word << 8) & kOnes * 0xf;
  const uint64_t letters = (word + kOnes * 6) >> 4 & kOnes;
  return word + kOnes * '0' + letters * ('a' - '0' - 10);
}

char* PutHex(char* at, uint64_t value) {
  const uint64_t digits[] = {HexDigits(static_cast<uint32_t>(value >> 32)), HexDigits(static_cast<uint32_t>(value))};
  std::memcpy(at, digits, sizeof(digits));
  return at + sizeof(digits);
}

constexpr size_t kIds = 64;  // what PutIds() takes, and a few more

char* PutIds(char* at, const span::TraceId& trace_id, span::SpanId span_id) {
  at = PutHex(PutHex(at, trace_id.high), trace_id.low);
  return PutHex(Put(at, R"(","span_id":")"), span_id.value);
}

std::string Escaped(std::string_view value) {
  return nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Nearly all text is plain and is copied; the library does the rest.
void AppendString(std::string_view value, TextBlock& text) {
  if (char* end = PutQuoted(text.Room(value.size() + 2), value); end != nullptr) return text.UsedUpTo(end);
  text.Append(Escaped(value));
}

// One attribute and a comma. Keys are constants and need no escapes.
struct AppendValue {
  std::string_view key;
  TextBlock& text;

  void operator()(const std::string& value) const { operator()(std::string_view(value)); }
  void operator()(std::string_view value) const {
    char* at = Start(value.size() + 3);
    if (char* end = PutQuoted(at, value); end != nullptr) return text.UsedUpTo(Put(end, ","));
    text.UsedUpTo(at);
    text.Append(Escaped(value));
    text.Append(",");
  }
  void operator()(int64_t value) const { text.UsedUpTo(Put(PutNumber(Start(), value), ",")); }
  void operator()(bool value) const { text.UsedUpTo(value ? Put(Start(), "true,") : Put(Start(), "false,")); }
  void operator()(double value) const {
    text.UsedUpTo(std::isfinite(value) ? Put(PutDouble(Start(), value), ",") : Put(Start(), "null,"));
  }

 private:
  // The key, and room for what follows it.
  [[nodiscard]] char* Start(size_t more = kNumber + 1) const {
    char* at = text.Room(key.size() + 3 + more);
    return Put(PutKey(Put(at, "\""), key), "\":");
  }
};

void AppendAttributes(const span::Span& span, std::string_view process_attributes, TextBlock& text) {
  text.Append(R"(,"attributes":{)");
  for (const span::Attribute& attribute : span.attributes) {
    std::visit(AppendValue{attribute.key, text}, attribute.value);
  }
  if (span.link != span::LinkRule::kNone) AppendValue{"tracelet.link", text}(Name(span.link));
  if (span.refused != span::LinkRefusal::kNone) AppendValue{"tracelet.link.refused", text}(Name(span.refused));
  text.Append(process_attributes);
  text.Append("}");
}

// Few spans have any.
void AppendEvents(const std::vector<span::Event>& events, TextBlock& text) {
  nlohmann::json list = nlohmann::json::array();
  for (const span::Event& event : events) {
    nlohmann::json attributes = nlohmann::json::object();
    for (const span::Attribute& attribute : event.attributes) {
      std::visit([&](const auto& value) { attributes[std::string(attribute.key)] = value; }, attribute.value);
    }
    list.push_back({{"time_unix_nano", event.unix_ns}, {"name", event.name}, {"attributes", std::move(attributes)}});
  }
  text.Append(R"(,"events":)");
  text.Append(list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void AppendLinks(const std::vector<span::Link>& links, TextBlock& text) {
  text.Append(R"(,"links":[)");
  for (const span::Link& link : links) {
    if (&link != &links.front()) text.Append(",");
    text.Append(R"({"trace_id":")");
    text.UsedUpTo(PutIds(text.Room(kIds), link.trace_id, link.span_id));
    text.Append("\"}");
  }
  text.Append("]");
}

}  // namespace

void AppendJsonLine(const span::Span& span, std::string_view process_attributes, TextBlock& text) {
  constexpr size_t kFixed = 256;  // the constant text of one step and its numbers
  char* at = Put(text.Room(kFixed), R"({"trace_id":")");
  at = Put(PutIds(at, span.trace_id, span.span_id), R"(","parent_span_id":")");
  if (span.parent_span_id) at = PutHex(at, span.parent_span_id.value);
  at = Put(at, R"(","kind":)");
  text.UsedUpTo(span.kind == span::Kind::kServer ? Put(at, R"("server","name":)") : Put(at, R"("client","name":)"));
  AppendString(span.name, text);
  text.Append(R"(,"service":)");
  AppendString(span.process->service_name, text);
  at = PutNumber(Put(text.Room(kFixed), R"(,"pid":)"), span.process->key.tgid);
  at = PutNumber(Put(at, R"(,"start_unix_nano":)"), span.start_unix_ns);
  at = PutNumber(Put(at, R"(,"end_unix_nano":)"), span.end_unix_ns);
  text.UsedUpTo(span.status == span::StatusCode::kError ? Put(at, R"(,"status":"error")")
                                                        : Put(at, R"(,"status":"unset")"));
  if (!span.trace_state.empty()) {
    text.Append(R"(,"trace_state":)");
    AppendString(span.trace_state, text);
  }
  AppendAttributes(span, process_attributes, text);
  if (!span.events.empty()) AppendEvents(span.events, text);
  AppendLinks(span.links, text);
  text.Append("}\n");
}

namespace {

// What the environment says is taken, except over what was observed.
bool IsResourceKey(std::string_view key) {
  return !key.empty() && key != "host.name" && key != "container.id" && key.rfind("process.", 0) != 0;
}

// The environment's keys may be any text.
void AppendAttribute(std::string_view key, std::string_view value, TextBlock& text) {
  AppendString(key, text);
  text.Append(":");
  AppendString(value, text);
  text.Append(",");
}

}  // namespace

std::string RenderProcessAttributes(const process::ProcessInfo& process, std::string_view host_name) {
  TextBlock text;
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
  char* at = PutNumber(Put(text.Room(3 * kNumber), R"("process.parent_pid":)"), process.ppid);
  text.UsedUpTo(PutNumber(Put(at, R"(,"process.pid":)"), process.key.tgid));
  return std::string(text.view());
}

const std::string& JsonLines::ProcessAttributes(const std::shared_ptr<const process::ProcessInfo>& process) {
  Rendered& slot = rendered_[std::hash<process::ProcessKey>{}(process->key) % kProcesses];
  if (slot.process != process) slot = {process, RenderProcessAttributes(*process, host_name_)};
  return slot.text;
}

void JsonLines::OnSpan(std::shared_ptr<const span::Span> span) {
  AppendJsonLine(*span, ProcessAttributes(span->process), output_.block());
  output_.Appended(1);
}

void JsonLines::OnWatermark(uint64_t /*unix_ns*/) { output_.Flush(); }

}  // namespace tracelet::exporter
