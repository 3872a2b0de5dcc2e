// What the place can show where the trees are printed, and text made safe for it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tracelet::exporter {

struct Terminal {
  bool colour = false;   // a terminal, and NO_COLOR is not set (no-color.org)
  bool unicode = false;  // the locale's character set is UTF-8
  size_t width = 120;    // columns
};

// Of this file descriptor; 120 columns where it is no terminal and COLUMNS says nothing.
Terminal DetectTerminal(int fd);

// Text from outside (paths, host names, arguments) as it may be shown: control
// characters, invalid UTF-8, direction overrides and, without unicode, all that is
// not ASCII become \xNN, so that nothing a client sends moves the cursor.
std::string Printable(std::string_view text, bool unicode);

// Columns that printable text takes: one per code point.
size_t Columns(std::string_view text);

// At most `columns` wide; an ellipsis marks what is cut.
std::string Shorten(const std::string& text, size_t columns, bool unicode);

// Padded with spaces on the right.
std::string PadRight(std::string text, size_t columns);

}  // namespace tracelet::exporter
