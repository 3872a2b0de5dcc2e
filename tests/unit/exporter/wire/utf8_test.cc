#include "exporter/wire/utf8.h"

#include <gtest/gtest.h>

namespace tracelet::exporter::wire {
namespace {

TEST(Utf8, KeepsWhatIsValid) {
  for (const char* text :
       {"", "plain", "caf\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf"}) {
    EXPECT_TRUE(IsUtf8(text)) << text;
    EXPECT_EQ(ToUtf8(text), text);
  }
}

TEST(Utf8, ReplacesEachByteThatIsNot) {
  // Lone continuation, cut short, overlong, surrogate, above U+10FFFF.
  for (const char* text : {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff"}) {
    EXPECT_FALSE(IsUtf8(text)) << text;
    EXPECT_TRUE(IsUtf8(ToUtf8(text))) << text;
  }
  EXPECT_EQ(ToUtf8("a\xff"
                   "b\xe2\x82"),
            "a\xef\xbf\xbd"
            "b\xef\xbf\xbd\xef\xbf\xbd");
}

}  // namespace
}  // namespace tracelet::exporter::wire
