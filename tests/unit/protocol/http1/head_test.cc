#include "agent/protocol/http1/head.h"

#include <gtest/gtest.h>

#include <cctype>

namespace tracelet::protocol::http1 {
namespace {

// Whether the field is understood when it is called so.
bool Understood(const std::string& name, const std::string& as) {
  const std::string text = "POST / HTTP/1.1\r\n" + as + ": 7\r\n\r\n";
  std::string scratch;
  const auto head = ParseRequestHead(text, false, scratch);
  if (!head) return false;
  if (name == "content-length") return head->framing == Framing::kLength && head->content_length == 7;
  if (name == "host") return head->host == "7";
  return head->propagation == std::vector<std::pair<std::string, std::string>>{{name, "7"}};
}

TEST(Http1Head, FieldsHaveTheirNamesInAnyCaseAndNoOthers) {
  for (const std::string name : {"b3", "host", "tracestate", "content-length", "x-b3-parentspanid"}) {
    std::string upper = name;
    for (char& c : upper) c = static_cast<char>(std::toupper(c));
    EXPECT_TRUE(Understood(name, name));
    EXPECT_TRUE(Understood(name, upper));
    for (size_t at = 0; at < name.size(); ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string as = at % 2 == 0 ? name : upper;
        as[at] = static_cast<char>(byte);
        const bool same = as[at] == name[at] || as[at] == upper[at];
        EXPECT_EQ(Understood(name, as), same) << name << " at " << at << ": " << byte;
      }
    }
  }
}

}  // namespace
}  // namespace tracelet::protocol::http1
