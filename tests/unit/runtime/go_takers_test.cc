#include "agent/runtime/go_takers.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "tests/unit/runtime/go_file_writer.h"

namespace tracelet::runtime {
namespace {

class GoTakersTest : public GoFileTest {
 protected:
  static constexpr uint64_t kSize = 16;

  // A function that calls the `target`-th one; its second argument is 0, or not.
  void Calls(const std::string& name, uint64_t target, bool zero = false) {
    std::string code(zero ? "\x90\x31\xdb\xe8" : "\x90\x89\xcb\xe8", 4);
    Append(code, static_cast<int32_t>((target - functions_.size()) * kSize - 8));
    Add(name, code + '\xc3');
  }
  void Add(const std::string& name, std::string code) {
    code.resize(kSize, '\xcc');
    functions_.push_back(name);
    code_ += code;
  }
  // Which functions take, by number.
  std::vector<uint64_t> Found() {
    Write({{".text", kText, code_},
           {".go.buildinfo", 0x600000, BuildInfo("go1.26.0", "")},
           {".gopclntab", 0x500000, Table(functions_, kText)}});
    const auto file = GoFile::Open(path_);
    EXPECT_TRUE(file && *file);
    const auto takers = FindTakers(**file);
    EXPECT_TRUE(takers);
    std::vector<uint64_t> numbers;
    for (const CodeRange& taker : *takers) {
      EXPECT_EQ(taker.end - taker.begin, kSize);
      numbers.push_back((taker.begin - kText) / kSize);
    }
    return numbers;
  }

  std::vector<std::string> functions_;
  std::string code_;
};

TEST_F(GoTakersTest, AreThoseThatTakeValuesAndTheirCallers) {
  Add("runtime.chanrecv1", "\xc3");
  Add("runtime.chanrecv2", "\xc3");
  Add("runtime.selectgo", "\xc3");
  Calls("main.worker", 1);
  Calls("main.waits", 0, /*zero=*/true);
  Calls("main.takesOne", 0);
  Calls("main.selects", 2, /*zero=*/true);
  Calls("main.startsWorking", 3);
  Calls("main.callsThatOne", 7);
  Calls("net/http.(*persistConn).roundTrip", 2);
  Calls("main.asks", 9);
  Calls("example.com/pool.(*Pool).next", 1);
  Calls("main.callsWaits", 4);
  Calls("google.golang.org/grpc/internal/transport.(*http2Client).NewStream", 2);
  EXPECT_EQ(Found(), (std::vector<uint64_t>{3, 5, 6, 7, 11}));
}

TEST_F(GoTakersTest, AreNoneWhereNothingTakes) {
  Add("main.plain", "\xc3");
  EXPECT_TRUE(Found().empty());
}

TEST_F(GoTakersTest, ACallAcrossTheWindowsOfReadingIsSeen) {
  constexpr uint64_t kWindow = 1u << 20;
  Add("runtime.chanrecv2", "\xc3");
  while (code_.size() + kSize < kWindow) Add("main.plain", "\xc3");
  // call at the last but one byte of the window
  std::string code(kSize - 2, '\x90');
  code += '\xe8';
  Append(code, static_cast<int32_t>(-static_cast<int64_t>(code_.size() + code.size() + 4)));
  functions_.push_back("main.worker");
  code_ += code;
  functions_.push_back("main.rest");
  code_.resize(functions_.size() * kSize + kSize, '\xcc');
  EXPECT_EQ(Found(), std::vector<uint64_t>{kWindow / kSize - 1});
}

}  // namespace
}  // namespace tracelet::runtime
