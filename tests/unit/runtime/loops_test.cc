#include "agent/runtime/loops.h"

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "agent/runtime/elf_functions.h"

// Found by name in this test's own symbols.
extern "C" __attribute__((noinline, used)) uint32_t TraceletTestVersion() { return 1u << 16 | 46u << 8 | 2u; }

namespace tracelet::runtime {
namespace {

using std::string_view_literals::operator""sv;

TEST(LoopKindOf, GoesByTheNameOfTheExecutable) {
  EXPECT_EQ(LoopKindOf("/usr/bin/node"), LoopKind::kNode);
  EXPECT_EQ(LoopKindOf("/usr/bin/nodejs"), LoopKind::kNode);
  EXPECT_EQ(LoopKindOf("/usr/sbin/nginx (deleted)"), LoopKind::kNginx);
  EXPECT_EQ(LoopKindOf("nginx"), LoopKind::kNginx);
  EXPECT_EQ(LoopKindOf("/usr/sbin/haproxy"), LoopKind::kHaproxy);
  for (const auto* other : {"", "/usr/bin/node_exporter", "/node/python", "/usr/sbin/haproxy2"}) {
    EXPECT_EQ(LoopKindOf(other), LoopKind::kNone) << other;
  }
}

TEST(UvVersion, IsReadFromTheCode) {
  constexpr uint32_t kVersion = 0x012e00;
  EXPECT_EQ(UvVersion("\xb8\x00\x2e\x01\x00\xc3"sv), kVersion);
  EXPECT_EQ(UvVersion("\xf3\x0f\x1e\xfa\xb8\x00\x2e\x01\x00\xc3"sv), kVersion);
  EXPECT_EQ(UvVersion("\x55\x48\x89\xe5\xb8\x00\x2e\x01\x00\x5d\xc3"sv), kVersion);
  EXPECT_EQ(UvVersion("\xb8\x00\x2e\x01"sv), 0U);
  EXPECT_EQ(UvVersion("\x8b\x05\x00\x2e\x01\x00"sv), 0U);
  EXPECT_EQ(UvVersion(""), 0U);
}

TEST(FindFunctions, FindsWhatTheFileDefines) {
  const auto found = FindFunctions("/proc/self/exe", std::array{"TraceletTestVersion"sv, "no_such_function"sv});
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->size(), 1U);
  const ElfFunction& function = found->at("TraceletTestVersion");
  std::ifstream file("/proc/self/exe", std::ios::binary);
  file.seekg(static_cast<std::streamoff>(function.offset));
  std::string code(kElfCodeBytes, 0);
  file.read(code.data(), kElfCodeBytes);
  EXPECT_EQ(function.code, code);
}

TEST(FindFunctions, SaysWhatIsWrong) {
  EXPECT_FALSE(FindFunctions("/no/such/file", std::array{"main"sv}));
  EXPECT_FALSE(FindFunctions("/proc/self/status", std::array{"main"sv}));
}

// Cut anywhere, it is read as far as it goes.
TEST(FindFunctions, TakesDamagedFiles) {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  std::string head(4096, 0);
  file.read(head.data(), 4096);
  const auto path = std::filesystem::temp_directory_path() / ("tracelet-elf-" + std::to_string(getpid()));
  for (size_t size = 0; size < head.size(); size += 61) {
    std::ofstream(path, std::ios::binary | std::ios::trunc).write(head.data(), static_cast<std::streamsize>(size));
    const auto found = FindFunctions(path, std::array{"main"sv});
    EXPECT_TRUE(!found || found->empty());
  }
  std::filesystem::remove(path);
}

TEST(FindLoopProbes, RefusesWhatOnlyHasTheName) {
  for (const LoopKind kind : {LoopKind::kNginx, LoopKind::kNode, LoopKind::kHaproxy}) {
    const auto found = FindLoopProbes(kind, "/proc/self");
    ASSERT_FALSE(found);
    EXPECT_FALSE(found.error().message.empty());
  }
}

}  // namespace
}  // namespace tracelet::runtime
