#include "agent/runtime/go_grpc.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "tests/unit/runtime/go_file_writer.h"

namespace tracelet::runtime {
namespace {

constexpr const char* kTransport = "google.golang.org/grpc/internal/transport.";

class GoGrpcTest : public GoFileTest {
 protected:
  // What is probed of a program with these functions, and with grpc-go as its build information says.
  GoProbes Probes(const std::string& version, const std::string& sent) {
    const std::vector<std::string> names = {std::string(kTransport) + "(*http2Client).newStream",
                                            std::string(kTransport) + "(*loopyWriter)." + sent,
                                            "google.golang.org/grpc.(*Server).handleStream"};
    const std::string modules = "path\tx\ndep\tgoogle.golang.org/grpc\t" + version + "\n";
    Write({{".text", kText, std::string(48, '\xc3')},
           {".go.buildinfo", 0x600000, BuildInfo("go1.22.3", modules)},
           {".gopclntab", 0x500000, Table(names, kText)}});
    const auto file = GoFile::Open(path_);
    EXPECT_TRUE(file && *file);
    GoProbes found;
    EXPECT_TRUE(AddGrpcProbes(**file, found));
    return found;
  }
};

TEST_F(GoGrpcTest, ProbesBothEndsOfACallAndTheServer) {
  const GoProbes found = Probes("v1.64.0", "originateStream");
  const uint64_t code = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
  const std::vector<std::pair<GoProgram, uint64_t>> expected = {
      {GoProgram::kRpcMade, code + 15}, {GoProgram::kRpcSent, code + 16}, {GoProgram::kRpcServed, code + 32}};
  ASSERT_EQ(found.probes.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(found.probes[i].program, expected[i].first);
    EXPECT_EQ(found.probes[i].offset, expected[i].second) << "a return, and entries";
  }
}

TEST_F(GoGrpcTest, KnowsWhereVersionsKeepTheStream) {
  struct Where {
    uint32_t stream;
    bool apart;
  };
  const std::map<std::string, Where> versions = {{"v1.53.0", {0, false}},
                                                 {"v1.68.2", {0, false}},
                                                 {"v1.69.0", {0, true}},
                                                 {"v1.76.0", {0, true}},
                                                 {"v1.77.0", {108, false}}};
  for (const auto& [version, where] : versions) {
    const GoProbes found = Probes(version, "originateStream");
    EXPECT_EQ(found.program.rpc_stream, where.stream) << version;
    EXPECT_EQ(found.program.rpc_stream_apart, where.apart) << version;
    EXPECT_EQ(found.program.rpc_orphaned, 72U);
    EXPECT_TRUE(found.program.rpc_headers_third);
  }
}

// 1.82.1 has another function for it, 1.82.0 has not.
TEST_F(GoGrpcTest, GoesByTheFunctionThatIsThere) {
  const GoProbes found = Probes("v1.85.0", "clientHeaderHandler");
  EXPECT_EQ(found.probes.size(), 3U);
  EXPECT_EQ(found.program.rpc_orphaned, 56U);
  EXPECT_FALSE(found.program.rpc_headers_third);
}

TEST_F(GoGrpcTest, LeavesOtherVersionsAlone) {
  for (const char* version : {"v1.52.3", "v1.86.0", "v2.64.0", "v1.64.0-dev", "v1.64.1-0.20240601000000-0123456789ab",
                              "v1.64.0+incompatible", "(devel)", "v1.x", "v1.64.0\n=>\t./grpc\t(devel)"}) {
    EXPECT_TRUE(Probes(version, "originateStream").probes.empty()) << version;
  }
}

TEST_F(GoGrpcTest, NeedsBothEndsOfACall) {
  const GoProbes found = Probes("v1.64.0", "originate");
  ASSERT_EQ(found.probes.size(), 1U);
  EXPECT_EQ(found.probes[0].program, GoProgram::kRpcServed);
}

}  // namespace
}  // namespace tracelet::runtime
