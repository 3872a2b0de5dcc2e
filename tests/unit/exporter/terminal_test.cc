#include "exporter/console/terminal.h"

#include <gtest/gtest.h>

namespace tracelet::exporter {
namespace {

TEST(Printable, NothingMovesTheCursor) {
  EXPECT_EQ(Printable("GET /\x1b[2J\r\n\x7f", true), "GET /\\x1b[2J\\x0d\\x0a\\x7f");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "2J",
                      true),
            "\\xc2\\x9b2J");  // C1 CSI
  EXPECT_EQ(Printable("\xe2\x80\xae"
                      "gpj",
                      true),
            "\\xe2\\x80\\xaegpj");  // right-to-left override
  EXPECT_EQ(Printable(std::string_view("a\0b", 3), true), "a\\x00b");
}

TEST(Printable, KeepsLettersAndEscapesWhatIsNoUtf8) {
  EXPECT_EQ(Printable("caf\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x90\x8c", true), "caf\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x90\x8c");
  EXPECT_EQ(Printable("caf\xc3\xa9", false), "caf\\xc3\\xa9");
  EXPECT_EQ(Printable("\xc3", true), "\\xc3");
  EXPECT_EQ(Printable("\xc0\xaf", true), "\\xc0\\xaf");           // overlong
  EXPECT_EQ(Printable("\xed\xa0\x80", true), "\\xed\\xa0\\x80");  // surrogate
  EXPECT_EQ(Printable("\xf5\x80\x80\x80", true), "\\xf5\\x80\\x80\\x80");
}

TEST(Shorten, CountsCodePoints) {
  EXPECT_EQ(Shorten("caf\xc3\xa9", 4, true), "caf\xc3\xa9");
  EXPECT_EQ(Shorten("caf\xc3\xa9s", 4, true), "caf…");
  EXPECT_EQ(Shorten("\xc3\xa9\xc3\xa9\xc3\xa9", 2, true), "\xc3\xa9…");
  EXPECT_EQ(Shorten("abcdef", 3, false), "ab~");
  EXPECT_EQ(Shorten("abcdef", 0, false), "");
}

}  // namespace
}  // namespace tracelet::exporter
