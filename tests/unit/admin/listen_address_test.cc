#include "agent/admin/listen_address.h"

#include <gtest/gtest.h>

namespace tracelet::admin {
namespace {

TEST(ParseListen, TakesWhatTheFlagsOfJaegerAgentTake) {
  const auto parse = [](const std::string& text) {
    auto parsed = ParseListen(text);
    return parsed ? parsed->host + "|" + parsed->port : "error: " + parsed.error().message;
  };
  EXPECT_EQ(parse(":6831"), "|6831");
  EXPECT_EQ(parse("7000"), "|7000");
  EXPECT_EQ(parse("127.0.0.1:6831"), "127.0.0.1|6831");
  EXPECT_EQ(parse("[::1]:6831"), "::1|6831");
  for (const char* wrong : {"", "host", "host:", "::1:6831", ":65536", ":-1", ":x", ":100000000000000000000"}) {
    EXPECT_TRUE(parse(wrong).starts_with("error: ")) << wrong;
  }
}

}  // namespace
}  // namespace tracelet::admin
