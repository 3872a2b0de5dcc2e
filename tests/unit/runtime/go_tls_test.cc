#include "agent/runtime/go_tls.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/runtime/go_file_writer.h"

namespace tracelet::runtime {
namespace {

class GoTlsTest : public GoFileTest {
 protected:
  // Functions of 16 bytes, each of which returns at its end, in a program of this Go.
  void WriteFunctions(const std::vector<std::string>& names, const std::string& version = "go1.26.0",
                      const std::string& stack = kStack) {
    std::string code;
    for (size_t i = 0; i < names.size(); ++i) code += std::string(15, '\x90') + '\xc3';
    Write({{".text", kText, code},
           {".go.buildinfo", 0x600000, BuildInfo(version, "")},
           {".gopclntab", 0x500000, Table(names, kText, stack)}});
  }
  static constexpr uint64_t kCode = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
  // The frame pointer is pushed at 2, then 72 bytes are taken, and given back before the return at 15.
  const std::string pushes_{"\x02\x02\x10\x01\x90\x01\x0c\x9f\x01\x01\0", 11};
};

TEST_F(GoTlsTest, ProbesBehindThePrologueAndWhereReadReturns) {
  WriteFunctions({"main.main", "crypto/tls.(*Conn).Read", "crypto/tls.(*Conn).Write"}, "go1.26.0", pushes_);
  const auto probes = FindGoTlsProbes(path_);
  ASSERT_TRUE(probes) << probes.error().message;
  std::vector<std::pair<TlsProgram, uint64_t>> found;
  for (const TlsProbe& probe : *probes) {
    EXPECT_FALSE(probe.returns) << "a uretprobe would change the stack that Go's runtime reads";
    found.emplace_back(probe.program, probe.offset - kCode);
  }
  std::ranges::sort(found);
  EXPECT_EQ(found,
            (std::vector<std::pair<TlsProgram, uint64_t>>{
                {TlsProgram::kGoRead, 16 + 2}, {TlsProgram::kGoMoved, 16 + 15}, {TlsProgram::kGoMoved, 32 + 2}}));
}

TEST_F(GoTlsTest, IsNoneWithoutBothFunctions) {
  WriteFunctions({"main.main", "crypto/tls.(*Conn).Read"}, "go1.26.0", pushes_);
  const auto probes = FindGoTlsProbes(path_);
  ASSERT_TRUE(probes) << probes.error().message;
  EXPECT_TRUE(probes->empty());
}

TEST_F(GoTlsTest, RefusesWhatItDoesNotKnow) {
  const std::vector<std::string> both{"crypto/tls.(*Conn).Read", "crypto/tls.(*Conn).Write"};
  WriteFunctions(both, "go1.20.3", pushes_);
  EXPECT_FALSE(FindGoTlsProbes(path_));
  WriteFunctions(both, "go1.28.0", pushes_);
  EXPECT_FALSE(FindGoTlsProbes(path_));
  WriteFunctions(both, "go1.26.0", kStack);
  EXPECT_FALSE(FindGoTlsProbes(path_)) << "no frame pointer is pushed";
}

TEST_F(GoTlsTest, OtherProgramsHaveNone) {
  const auto probes = FindGoTlsProbes("/proc/self/exe");
  ASSERT_TRUE(probes);
  EXPECT_TRUE(probes->empty());
}

}  // namespace
}  // namespace tracelet::runtime
