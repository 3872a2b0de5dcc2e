#include "exporter/console/terminal.h"

#include <langinfo.h>
#include <spdlog/fmt/fmt.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <clocale>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace tracelet::exporter {
namespace {

struct CodePoint {
  uint32_t value = 0;
  size_t bytes = 0;  // 0: not UTF-8
};

// RFC 3629 §3: no overlong forms, no surrogates, at most U+10FFFF.
CodePoint Decode(std::string_view text) {
  const auto first = static_cast<uint8_t>(text[0]);
  if (first < 0x80) return {first, 1};
  const size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < bytes) return {};
  uint32_t value = first & (0x7f >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<uint8_t>(text[i]);
    if ((next & 0xc0) != 0x80) return {};
    value = value << 6 | (next & 0x3f);
  }
  static constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kSmallest[bytes] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return {};
  return {value, bytes};
}

bool Harmless(uint32_t code) {
  if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return false;       // C0, DEL, C1
  if (code == 0xad || (code >= 0x200b && code <= 0x200f)) return false;  // invisible, marks of direction
  if (code >= 0x2028 && code <= 0x202e) return false;                    // line ends, overrides (UAX #9)
  return !(code >= 0x2060 && code <= 0x206f) && code != 0xfeff;          // isolates, invisible operators
}

}  // namespace

Terminal DetectTerminal(int fd) {
  Terminal terminal;
  const bool is_terminal = isatty(fd) == 1;
  const char* no_color = std::getenv("NO_COLOR");
  const char* type = std::getenv("TERM");
  terminal.colour =
      is_terminal && (no_color == nullptr || *no_color == '\0') && (type == nullptr || std::strcmp(type, "dumb") != 0);
  std::setlocale(LC_CTYPE, "");
  terminal.unicode = std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
  winsize size{};
  const char* columns = std::getenv("COLUMNS");
  if (is_terminal && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    terminal.width = size.ws_col;
  } else if (columns != nullptr && std::atoi(columns) > 0) {
    terminal.width = static_cast<size_t>(std::atoi(columns));
  }
  return terminal;
}

std::string Printable(std::string_view text, bool unicode) {
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const CodePoint code = Decode(text);
    const size_t bytes = code.bytes == 0 ? 1 : code.bytes;
    if (code.bytes > 0 && Harmless(code.value) && (unicode || code.value < 0x80)) {
      shown.append(text.substr(0, bytes));
    } else {
      for (const char byte : text.substr(0, bytes)) shown += fmt::format("\\x{:02x}", static_cast<uint8_t>(byte));
    }
    text.remove_prefix(bytes);
  }
  return shown;
}

size_t Columns(std::string_view text) {
  size_t columns = 0;
  for (const char byte : text) columns += (static_cast<uint8_t>(byte) & 0xc0) != 0x80;
  return columns;
}

std::string Shorten(const std::string& text, size_t columns, bool unicode) {
  if (Columns(text) <= columns) return text;
  const std::string_view ellipsis = unicode ? "…" : "~";
  if (columns == 0) return "";
  size_t end = 0;
  for (size_t kept = 0; kept < columns - 1; ++kept) end += Decode(std::string_view(text).substr(end)).bytes;
  return text.substr(0, end).append(ellipsis);
}

std::string PadRight(std::string text, size_t columns) {
  const size_t used = Columns(text);
  if (used < columns) text.append(columns - used, ' ');
  return text;
}

}  // namespace tracelet::exporter
