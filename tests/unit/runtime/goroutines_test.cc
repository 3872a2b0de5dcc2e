#include "agent/runtime/goroutines.h"

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/unit/runtime/go_file_writer.h"

namespace tracelet::runtime {
namespace {

TEST(ParseGoVersion, KnowsReleasesFromOthers) {
  for (const char* text : {"go1.26.8", "go1.26", "go1.26.0"}) {
    const GoVersion version = ParseGoVersion(text);
    EXPECT_TRUE(version.major == 1 && version.minor == 26 && version.released) << text;
  }
  for (const char* text : {"go1.21rc2", "go1.21.3 X:synctest", "go1.21.1-company"}) {
    const GoVersion version = ParseGoVersion(text);
    EXPECT_TRUE(version.major == 1 && version.minor == 21 && !version.released) << text;
  }
  for (const char* text : {"", "go", "devel +1234", "go1", "1.26"}) EXPECT_FALSE(ParseGoVersion(text).released) << text;
}

TEST(GoOffsets, AreKnownForVersionsThatWereLookedAt) {
  for (int minor = 21; minor <= 27; ++minor) {
    const auto offsets = GoOffsets({.major = 1, .minor = minor, .released = true});
    ASSERT_TRUE(offsets) << minor;
    EXPECT_LT(offsets->goid, offsets->parent_goid);
    EXPECT_EQ(offsets->harmless_waits & 1, 1U) << "a goroutine that never waited";
  }
  EXPECT_FALSE(GoOffsets({.major = 1, .minor = 20, .released = true}));
  EXPECT_FALSE(GoOffsets({.major = 1, .minor = 28, .released = true}));
  EXPECT_FALSE(GoOffsets({.major = 1, .minor = 26, .released = false}));
}

TEST_F(GoFileTest, SaysWhoBuiltItAndWhereItsFunctionsAre) {
  Write({{".text", kText, Code()},
         {".go.buildinfo", 0x600000, BuildInfo("go1.22.3", "path\tx\ndep\tgoogle.golang.org/grpc\tv1.64.0\th1:x\n")},
         {".gopclntab", 0x500000, Table(names_, kText)}});
  const auto file = GoFile::Open(path_);
  ASSERT_TRUE(file && *file);
  EXPECT_EQ((*file)->version().minor, 22);
  EXPECT_EQ((*file)->Module("google.golang.org/grpc"), "v1.64.0");
  EXPECT_EQ((*file)->Module("google.golang.org/gr"), "");
  const auto probes = FindGoProbes(**file);
  ASSERT_TRUE(probes) << probes.error().message;
  EXPECT_EQ(probes->program.syscall_end, kText + 19);
  ASSERT_EQ(probes->probes.size(), 1U) << "net/http is not linked in";
  EXPECT_EQ(probes->probes[0].program, GoProgram::kStarted);
  EXPECT_EQ(probes->probes[0].offset, sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr) + 15);
}

TEST_F(GoFileTest, DoesNotKnowWhatStandsInForAModule) {
  Write({{".text", kText, Code()},
         {".go.buildinfo", 0x600000,
          BuildInfo("go1.22.3", "dep\tx.org/a\tv1.2.0\n=>\tx.org/b\tv1.2.0\th1:x\ndep\tx.org/c\tv2\n")},
         {".gopclntab", 0x500000, Table(names_, kText)}});
  const auto file = GoFile::Open(path_);
  ASSERT_TRUE(file && *file);
  EXPECT_EQ((*file)->Module("x.org/a"), "");
  EXPECT_EQ((*file)->Module("x.org/c"), "v2");
}

TEST_F(GoFileTest, SaysWhereCallsByNetHttpAreMade) {
  std::vector<std::string> names = names_;
  names.emplace_back("net/http.(*Transport).roundTrip");
  Write({{".text", kText, Code() + std::string(16, '\x90')},
         {".go.buildinfo", 0x600000, BuildInfo("go1.22.3", "")},
         {".gopclntab", 0x500000, Table(names, kText)}});
  const auto file = GoFile::Open(path_);
  ASSERT_TRUE(file && *file);
  const auto probes = FindGoProbes(**file);
  ASSERT_TRUE(probes) << probes.error().message;
  ASSERT_EQ(probes->probes.size(), 2U);
  EXPECT_EQ(probes->probes[1].program, GoProgram::kCall);
  EXPECT_EQ(probes->program.call, kText + 32);
  EXPECT_EQ(probes->program.call_size, 16U);
}

// A byte 0xc3 elsewhere is no return.
TEST_F(GoFileTest, SaysWhereItsFunctionsReturn) {
  std::string code(16, '\xc3');
  const auto returns = [&](const std::string& stack) {
    Write({{".text", kText, code},
           {".go.buildinfo", 0x600000, BuildInfo("go1.22.3", "")},
           {".gopclntab", 0x500000, Table({"main.f"}, kText, stack)}});
    const auto file = GoFile::Open(path_);
    const auto found = (**file).Find(std::array{std::string_view("main.f")});
    return found->at("main.f").returns;
  };
  EXPECT_EQ(returns(kStack), std::vector<uint64_t>{15});
  EXPECT_EQ(returns({"\x02\x02\x10\x01\x0f\x01\x10\x02\x0f\x01\0", 11}), (std::vector<uint64_t>{3, 6}));
  EXPECT_TRUE(returns({"\x02\x10\0", 3}).empty()) << "needs no stack";
  EXPECT_TRUE(returns({"\x02\0", 2}).empty());
  EXPECT_TRUE(returns("").empty());
  code[15] = '\x90';
  EXPECT_TRUE(returns(kStack).empty());
}

// Go 1.26 no longer says in the table where the code begins.
TEST_F(GoFileTest, FindsItsCodeByTheModule) {
  std::string module;
  Append(module, uint64_t{0x500000});
  module.resize(176);
  Append(module, kText);
  Write({{".text", kText, Code()},
         {".go.buildinfo", 0x600000, BuildInfo("go1.26.0", "")},
         {".gopclntab", 0x500000, Table(names_, 0)},
         {".go.module", 0x700000, module}});
  const auto file = GoFile::Open(path_);
  ASSERT_TRUE(file && *file);
  EXPECT_TRUE(FindGoProbes(**file));
}

TEST_F(GoFileTest, FindsItsCodeByRelocations) {
  std::string relocations;
  for (const auto& [offset, addend] : {std::pair(uint64_t{0x700000}, uint64_t{0x500000}), {0x7000b0, kText}}) {
    Append(relocations, Elf64_Rela{offset, 8, static_cast<int64_t>(addend)});
  }
  Write({{".text", kText, Code()},
         {".go.buildinfo", 0x600000, BuildInfo("go1.26.0", "")},
         {".gopclntab", 0x500000, Table(names_, 0)},
         {".rela.dyn", 0x300000, relocations}});
  const auto file = GoFile::Open(path_);
  ASSERT_TRUE(file && *file);
  EXPECT_TRUE(FindGoProbes(**file));
}

TEST_F(GoFileTest, RefusesWhatItDoesNotKnow) {
  for (const char* version : {"go1.20.14", "go1.99.0", "devel go1.28", "go1.26.1 X:x"}) {
    Write({{".text", kText, Code()},
           {".go.buildinfo", 0x600000, BuildInfo(version, "")},
           {".gopclntab", 0x500000, Table(names_, kText)}});
    const auto file = GoFile::Open(path_);
    ASSERT_TRUE(file && *file) << version;
    EXPECT_FALSE(FindGoProbes(**file)) << version;
  }
}

TEST_F(GoFileTest, TakesDamagedFiles) {
  Write({{".text", kText, Code()},
         {".go.buildinfo", 0x600000, BuildInfo("go1.26.0", "")},
         {".gopclntab", 0x500000, Table(names_, 0)}});
  std::ifstream whole(path_, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(whole), {});
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0xff);
    std::ofstream(path_, std::ios::binary | std::ios::trunc)
        .write(damaged.data(), static_cast<std::streamsize>(at + 1));
    std::ofstream(path_, std::ios::binary | std::ios::app)
        .write(damaged.data() + at + 1, static_cast<std::streamsize>(damaged.size() - at - 1));
    const auto file = GoFile::Open(path_);
    if (!file || !*file) continue;
    const auto probes = FindGoProbes(**file);
    EXPECT_FALSE(probes) << at;
  }
}

TEST(GoFile, OtherProgramsAreNone) {
  const auto file = GoFile::Open("/proc/self/exe");
  ASSERT_TRUE(file);
  EXPECT_FALSE(*file);
  EXPECT_FALSE(GoFile::Open("/no/such/file"));
}

}  // namespace
}  // namespace tracelet::runtime
