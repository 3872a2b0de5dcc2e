#include "agent/protocol/http1/head.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace tracelet::protocol::http1 {
namespace {

constexpr std::string_view kVersionPrefix = "HTTP/1.";
constexpr size_t kMaxMethod = 32;  // longest registered one: UPDATEREDIRECTREF, 17 (RFC 9110 §16.1)

// tchar of RFC 9110 §5.6.2.
constexpr std::array<bool, 256> MakeTokenTable() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[c] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[c] = table[c - 'a' + 'A'] = true;
  for (char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kToken = MakeTokenTable();

bool IsToken(char c) { return kToken[static_cast<unsigned char>(c)]; }
bool IsBlank(char c) { return c == ' ' || c == '\t'; }
char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// Lower() of eight characters at once: those above '@' and not above 'Z' get 0x20.
uint64_t LowerWord(uint64_t word) {
  constexpr uint64_t kOnes = 0x0101'0101'0101'0101;
  const uint64_t low = word & kOnes * 0x7f;
  const uint64_t letters = (low + kOnes * (0x7f - '@')) & ~(low + kOnes * (0x7f - 'Z')) & ~word & kOnes * 0x80;
  return word | letters >> 2;
}

template <typename Word>
bool EqualsLower(const char* text, const char* lower) {
  Word word;
  Word expected;
  std::memcpy(&word, text, sizeof(Word));
  std::memcpy(&expected, lower, sizeof(Word));
  return LowerWord(word) == expected;
}

// The last word overlaps the one before it.
template <typename Word>
bool EqualsLowerInWords(std::string_view text, std::string_view lower) {
  const size_t last = text.size() - sizeof(Word);
  for (size_t at = 0; at < last; at += sizeof(Word)) {
    if (!EqualsLower<Word>(text.data() + at, lower.data() + at)) return false;
  }
  return EqualsLower<Word>(text.data() + last, lower.data() + last);
}

bool EqualsLower(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  if (text.size() >= sizeof(uint64_t)) return EqualsLowerInWords<uint64_t>(text, lower);
  if (text.size() >= sizeof(uint32_t)) return EqualsLowerInWords<uint32_t>(text, lower);
  return std::ranges::equal(text, lower, {}, [](char c) { return Lower(c); });
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

// Takes the next line without its end; false when the text has no whole line left.
bool TakeLine(std::string_view& text, std::string_view& line) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return false;
  line = text.substr(0, end);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  text.remove_prefix(end + 1);
  return true;
}

void SkipEmptyLines(std::string_view& text) {
  while (!text.empty() && (text.front() == '\r' || text.front() == '\n')) text.remove_prefix(1);
}

// "HTTP/1.x" with any x: §2.3 lets a later minor version through.
bool IsVersion(std::string_view text) {
  return text.size() == 8 && text.starts_with(kVersionPrefix) && text[7] >= '0' && text[7] <= '9';
}

// A folded line begins with a blank: joined to the one before by overwriting the
// line end (§5.2).
std::string_view Unfold(std::string_view text, std::string& scratch) {
  scratch.assign(text);
  for (size_t at = scratch.find('\n'); at != std::string::npos; at = scratch.find('\n', at + 1)) {
    if (at + 1 >= scratch.size() || !IsBlank(scratch[at + 1])) continue;
    scratch[at] = ' ';
    if (at > 0 && scratch[at - 1] == '\r') scratch[at - 1] = ' ';
  }
  return scratch;
}

// What the framing fields said, in the order of RFC 9112 §6.3.
struct FramingFields {
  bool has_length = false;
  uint64_t length = 0;
  bool has_encoding = false;
  bool chunked = false;  // chunked is the last coding
  bool faulty = false;

  // "5" or "5, 5"; two values that differ are an error (§6.3 item 5).
  void ContentLength(std::string_view value) {
    while (true) {
      const size_t comma = value.find(',');
      const std::string_view one = Trim(value.substr(0, comma));
      uint64_t parsed = 0;
      const auto [end, error] = std::from_chars(one.data(), one.data() + one.size(), parsed);
      if (error != std::errc() || end != one.data() + one.size()) faulty = true;
      if (has_length && parsed != length) faulty = true;
      // Offsets are 64 bits: a length that overflows them is no length.
      if (parsed > UINT64_MAX / 4) faulty = true;
      has_length = true;
      length = parsed;
      if (comma == std::string_view::npos) return;
      value.remove_prefix(comma + 1);
    }
  }

  void TransferEncoding(std::string_view value) {
    has_encoding = true;
    if (chunked) faulty = true;  // a coding after chunked
    const size_t comma = value.rfind(',');
    const std::string_view last = Trim(comma == std::string_view::npos ? value : value.substr(comma + 1));
    chunked = EqualsLower(last, "chunked");
  }
};

bool IsPropagation(std::string_view name) {
  static constexpr std::string_view kNames[] = {"traceparent",  "tracestate",        "b3",
                                                "x-b3-traceid", "x-b3-spanid",       "x-b3-sampled",
                                                "x-b3-flags",   "x-b3-parentspanid", "uber-trace-id"};
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [&](std::string_view known) { return EqualsLower(name, known); });
}

// The value of `line` if its name is `lower`; blanks before the colon are faulty:
// senders must not, receivers differ (§5.1).
std::optional<std::string_view> Value(std::string_view line, std::string_view lower, bool& spaced) {
  if (line.size() <= lower.size()) return std::nullopt;
  const char after = line[lower.size()];
  if ((after != ':' && !IsBlank(after)) || !EqualsLower(line.substr(0, lower.size()), lower)) return std::nullopt;
  line.remove_prefix(lower.size());
  spaced = IsBlank(line.front());
  while (!line.empty() && IsBlank(line.front())) line.remove_prefix(1);
  if (line.empty() || line.front() != ':') return std::nullopt;
  return Trim(line.substr(1));
}

void OnPropagation(std::string_view line, Head& head) {
  // All names begin with tr, b3, x- or ub.
  if (line.size() < 3 || std::string_view("r3-b").find(Lower(line[1])) == std::string_view::npos) return;
  if (line[1] == '-' && Lower(line[2]) != 'b') return;
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string_view name = Trim(line.substr(0, colon));
  if (!IsPropagation(name)) return;
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), Lower);
  head.propagation.emplace_back(std::move(lower), std::string(Trim(line.substr(colon + 1))));
}

// Connect's unary calls have an ordinary content type (connectrpc.com/docs/protocol, "Unary-Request").
void OnConnect(std::string_view line, Head& head) {
  bool spaced = false;
  if (Value(line, "connect-protocol-version", spaced)) {
    head.rpc = grpc::System::kConnect;
  } else if (const auto timeout = Value(line, "connect-timeout-ms", spaced); timeout && timeout->size() <= 8) {
    head.rpc_timeout_ns = grpc::ParseTimeout(std::string(*timeout) + "m");
  }
}

// Most lines are dismissed by their first letter.
void OnField(std::string_view line, Head& head, FramingFields& framing) {
  bool spaced = false;
  switch (Lower(line.front())) {
    case 'h':
      if (const auto host = Value(line, "host", spaced); host && head.host.empty()) head.host = *host;
      break;
    case 'c':
      if (const auto length = Value(line, "content-length", spaced)) {
        framing.ContentLength(*length);
        framing.faulty |= spaced;
      } else if (const auto type = Value(line, "content-type", spaced)) {
        head.event_stream = EqualsLower(Trim(type->substr(0, type->find(';'))), "text/event-stream");
        if (const auto system = grpc::SystemOf(*type); system && *system != grpc::System::kGrpc) head.rpc = system;
      } else {
        OnConnect(line, head);
      }
      break;
    case 'g':
      if (const auto status = Value(line, "grpc-status", spaced)) {
        head.grpc_status = grpc::ParseStatus(*status);
      } else if (const auto timeout = Value(line, "grpc-timeout", spaced)) {
        head.rpc_timeout_ns = grpc::ParseTimeout(*timeout);
      }
      break;
    case 't':
      if (const auto encoding = Value(line, "transfer-encoding", spaced)) {
        framing.TransferEncoding(*encoding);
        framing.faulty |= spaced;
      } else {
        OnPropagation(line, head);
      }
      break;
    case 'u':
      if (const auto agent = Value(line, "user-agent", spaced)) {
        if (head.user_agent.empty()) head.user_agent = *agent;
      } else {
        OnPropagation(line, head);
      }
      break;
    case 'b':
    case 'x':
      OnPropagation(line, head);
      break;
    default:
      break;
  }
}

// Reads the header section that follows the start line; false when a line is folded.
bool ReadFields(std::string_view text, Head& head, FramingFields& framing) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    const auto* newline = static_cast<const char*>(std::memchr(at, '\n', static_cast<size_t>(end - at)));
    if (newline == nullptr) break;
    const size_t size = static_cast<size_t>(newline - at) - (newline > at && newline[-1] == '\r' ? 1 : 0);
    if (size == 0) break;
    if (IsBlank(*at)) return false;
    OnField(std::string_view(at, size), head, framing);
    at = newline + 1;
  }
  return true;
}

bool ParseRequestLine(std::string_view line, bool cut, Head& head) {
  const size_t method_end = line.find(' ');
  if (method_end == 0 || method_end == std::string_view::npos || method_end > kMaxMethod) return false;
  head.method = line.substr(0, method_end);
  if (!std::all_of(head.method.begin(), head.method.end(), IsToken)) return false;
  line.remove_prefix(method_end + 1);
  while (!line.empty() && line.back() == ' ' && !cut) line.remove_suffix(1);
  const size_t version_at = line.rfind(' ');
  if (version_at != std::string_view::npos && IsVersion(line.substr(version_at + 1))) {
    head.version = line.substr(version_at + 6);
    head.target = Trim(line.substr(0, version_at));
  } else if (cut) {
    head.target = line;
  }
  // Visible characters; raw UTF-8 occurs.
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t'; };
  return !head.target.empty() && std::none_of(head.target.begin(), head.target.end(), control);
}

bool ParseStatusLine(std::string_view line, Head& head) {
  if (line.size() < 12 || !IsVersion(line.substr(0, 8)) || line[8] != ' ') return false;
  for (size_t i = 9; i < 12; ++i) {
    if (line[i] < '0' || line[i] > '9') return false;
    head.status = head.status * 10 + (line[i] - '0');
  }
  head.version = line.substr(5, 3);
  return head.status >= 100 && (line.size() == 12 || line[12] == ' ');
}

}  // namespace

bool CanBeRequest(std::string_view bytes) {
  SkipEmptyLines(bytes);
  size_t at = 0;
  while (at < bytes.size() && IsToken(bytes[at])) ++at;
  if (at > kMaxMethod) return false;
  if (at == bytes.size()) return true;
  if (at == 0 || bytes[at] != ' ') return false;
  // The target: visible characters (raw UTF-8 occurs), then the version.
  const std::string_view rest = bytes.substr(at + 1);
  const size_t line_end = rest.find('\n');
  std::string_view line = rest.substr(0, line_end);
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t'; };
  if (line_end == std::string_view::npos) {
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return std::none_of(line.begin(), line.end(), control);
  }
  Head head;
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return std::none_of(line.begin(), line.end(), control) &&
         ParseRequestLine(bytes.substr(0, at + 1 + line.size()), /*cut=*/false, head) && !head.version.empty();
}

bool CanBeResponse(std::string_view bytes) {
  const size_t compared = std::min(bytes.size(), kVersionPrefix.size());
  if (bytes.substr(0, compared) != kVersionPrefix.substr(0, compared)) return false;
  Head head;
  return bytes.size() < 13 || ParseStatusLine(bytes.substr(0, bytes[12] == '\r' || bytes[12] == '\n' ? 12 : 13), head);
}

bool IsFinalResponse(std::string_view bytes) {
  constexpr size_t kStatus = 9;  // behind "HTTP/1.1 "
  return bytes.size() >= kStatus + 3 && CanBeResponse(bytes) && bytes[kStatus] >= '2' && bytes[kStatus] <= '9';
}

bool IsCommonMethod(std::string_view method) {
  static constexpr std::string_view kMethods[] = {"GET",     "POST",    "PUT",   "DELETE", "HEAD",
                                                  "OPTIONS", "CONNECT", "TRACE", "PATCH"};
  return std::find(std::begin(kMethods), std::end(kMethods), method) != std::end(kMethods);
}

size_t HeadLength(std::string_view text, size_t from) {
  for (size_t at = text.find('\n', from); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    if (at + 1 < text.size() && text[at + 1] == '\n') return at + 2;
    if (at + 2 < text.size() && text[at + 1] == '\r' && text[at + 2] == '\n') return at + 3;
  }
  return 0;
}

std::optional<Head> ParseRequestHead(std::string_view text, bool truncated, std::string& scratch) {
  SkipEmptyLines(text);
  const std::string_view all = text;
  Head head;
  std::string_view line;
  const bool whole_line = TakeLine(text, line);
  if (!whole_line) {
    if (!truncated) return std::nullopt;
    line = text;
    text = {};
  }
  if (!ParseRequestLine(line, !whole_line, head)) return std::nullopt;
  if (whole_line && head.version.empty()) return std::nullopt;

  FramingFields framing;
  if (!ReadFields(text, head, framing)) return ParseRequestHead(Unfold(all, scratch), truncated, scratch);
  if (truncated || framing.faulty) {
    head.framing = Framing::kUnknown;
  } else if (framing.has_encoding) {
    // A request in another coding than chunked, or in HTTP/1.0, has no length (§6.3 item 4, §6.1).
    head.framing = framing.chunked && head.version != "1.0" ? Framing::kChunked : Framing::kUnknown;
  } else if (framing.has_length && framing.length > 0) {
    head.framing = Framing::kLength;
    head.content_length = framing.length;
  }
  return head;
}

std::optional<Head> ParseResponseHead(std::string_view text, bool truncated, RequestKind request,
                                      std::string& scratch) {
  const std::string_view all = text;
  Head head;
  std::string_view line;
  const bool whole_line = TakeLine(text, line);
  if (!whole_line) {
    if (!truncated) return std::nullopt;
    line = text.substr(0, 13);
    text = {};
  }
  if (!ParseStatusLine(line, head)) return std::nullopt;

  FramingFields framing;
  if (!ReadFields(text, head, framing)) return ParseResponseHead(Unfold(all, scratch), truncated, request, scratch);
  const bool successful = head.status >= 200 && head.status < 300;
  if (head.status == 101 || (request == RequestKind::kConnect && successful)) {
    head.framing = Framing::kTunnel;
  } else if (truncated) {
    head.framing = Framing::kUnknown;
  } else if (request == RequestKind::kHead || head.status < 200 || head.status == 204 || head.status == 304) {
    head.framing = Framing::kNone;
  } else if (framing.has_encoding) {
    head.framing = framing.faulty || head.version == "1.0" ? Framing::kUnknown
                   : framing.chunked                       ? Framing::kChunked
                                                           : Framing::kUntilClose;
  } else if (framing.faulty) {
    head.framing = Framing::kUnknown;
  } else if (framing.has_length) {
    head.framing = framing.length > 0 ? Framing::kLength : Framing::kNone;
    head.content_length = framing.length;
  } else {
    head.framing = Framing::kUntilClose;
  }
  return head;
}

}  // namespace tracelet::protocol::http1
