// Documents are kept true: what they name exists.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace tracelet {
namespace {

namespace fs = std::filesystem;
const fs::path kRoot = TRACELET_SOURCE_DIR;

std::string ReadText(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// Every word of the sources that are built.
const std::set<std::string>& Words() {
  static const std::set<std::string> kWords = [] {
    std::set<std::string> words;
    const std::regex word("[A-Za-z_][A-Za-z0-9_]*");
    for (const char* folder : {"agent", "bpf", "config", "exporter"}) {
      for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
        const std::string extension = entry.path().extension();
        if (extension != ".h" && extension != ".cc" && extension != ".c") continue;
        const std::string text = ReadText(entry.path());
        for (std::sregex_iterator it(text.begin(), text.end(), word), end; it != end; ++it) words.insert(it->str());
      }
    }
    return words;
  }();
  return kWords;
}

std::vector<std::string> InBackticks(const std::string& text) {
  std::vector<std::string> names;
  const std::regex quoted("`([^`\n]+)`");
  for (std::sregex_iterator it(text.begin(), text.end(), quoted), end; it != end; ++it) names.push_back((*it)[1]);
  return names;
}

TEST(ARequest, EveryPathAndNameExists) {
  const std::vector<std::string> names = InBackticks(ReadText(kRoot / "docs/a-request.md"));
  ASSERT_GT(names.size(), 40U);
  const std::regex identifiers("[A-Za-z_][A-Za-z0-9_]*");
  for (const std::string& name : names) {
    if (name.find('/') != std::string::npos) {
      EXPECT_TRUE(fs::exists(kRoot / name)) << name;
      continue;
    }
    for (std::sregex_iterator it(name.begin(), name.end(), identifiers), end; it != end; ++it) {
      EXPECT_TRUE(Words().contains(it->str())) << it->str() << " of " << name;
    }
  }
}

TEST(Readme, EveryPathExists) {
  const std::regex path("[a-z.][a-z0-9_.-]*(/[a-z0-9_.-]+)+/?");
  for (const std::string& name : InBackticks(ReadText(kRoot / "README.md"))) {
    if (!std::regex_match(name, path) || name.rfind("build/", 0) == 0) continue;
    EXPECT_TRUE(fs::exists(kRoot / name)) << name;
  }
}

}  // namespace
}  // namespace tracelet
