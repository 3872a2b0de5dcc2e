#include "agent/span/link.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "agent/base/counters.h"

namespace tracelet::span {
namespace {

// First cells of the table under a heading of docs/links.md, without the quotes.
std::multiset<std::string> Documented(const std::string& heading) {
  std::ifstream file(std::string(TRACELET_SOURCE_DIR) + "/docs/links.md");
  std::multiset<std::string> values;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## ")) inside = line == "## `" + heading + "`";
    if (inside && line.starts_with("| `")) values.insert(line.substr(3, line.find('`', 3) - 3));
  }
  return values;
}

template <typename E>
std::multiset<std::string> Names() {
  std::multiset<std::string> names;
  Counters<E>().ForEach([&](E value, uint64_t) { names.emplace(Name(value)); });
  return names;
}

TEST(Links, EveryRuleIsDocumentedOnce) { EXPECT_EQ(Documented("tracelet.link"), Names<LinkRule>()); }

TEST(Links, EveryRefusalIsDocumentedOnce) { EXPECT_EQ(Documented("tracelet.link.refused"), Names<LinkRefusal>()); }

TEST(Links, NamesDiffer) {
  const auto rules = Names<LinkRule>();
  const auto refusals = Names<LinkRefusal>();
  EXPECT_EQ(std::set<std::string>(rules.begin(), rules.end()).size(), rules.size());
  EXPECT_EQ(std::set<std::string>(refusals.begin(), refusals.end()).size(), refusals.size());
}

}  // namespace
}  // namespace tracelet::span
