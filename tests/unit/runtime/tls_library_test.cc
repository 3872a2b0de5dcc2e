#include "agent/runtime/tls_library.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace tracelet::runtime {
namespace {

// Where this process has mapped libssl.
std::string Libssl() {
  SSL_CTX_free(SSL_CTX_new(TLS_method()));
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const size_t slash = line.find('/');
    if (slash != std::string::npos && MayBeTlsLibrary(line.substr(slash))) return line.substr(slash);
  }
  return {};
}

TEST(TlsLibraryTest, IsTakenForOneByItsName) {
  EXPECT_TRUE(MayBeTlsLibrary("/usr/lib/x86_64-linux-gnu/libssl.so.3"));
  EXPECT_TRUE(MayBeTlsLibrary("/usr/lib/libgnutls.so.30.34.3"));
  EXPECT_TRUE(MayBeTlsLibrary("/tmp/libnetty_tcnative_linux_x86_6412345.so (deleted)"));
  EXPECT_FALSE(MayBeTlsLibrary("/usr/lib/libcrypto.so.3"));
  EXPECT_FALSE(MayBeTlsLibrary("/usr/lib/libssl.a"));
  EXPECT_FALSE(MayBeTlsLibrary(""));
}

TEST(TlsLibraryTest, FindsAllThatOpenSslMovesPlaintextBy) {
  const std::string library = Libssl();
  ASSERT_FALSE(library.empty());
  const auto probes = FindTlsProbes(library);
  ASSERT_TRUE(probes) << probes.error().message;
  for (const TlsProgram program : {TlsProgram::kRead, TlsProgram::kReadEx, TlsProgram::kWrite, TlsProgram::kWriteEx,
                                   TlsProgram::kHandshake, TlsProgram::kFree}) {
    const auto found = std::ranges::find(*probes, program, &TlsProbe::program);
    ASSERT_NE(found, probes->end());
    EXPECT_NE(found->offset, 0U);
    EXPECT_EQ(found->returns, program != TlsProgram::kFree);
  }
}

TEST(TlsLibraryTest, FindsNothingElsewhere) {
  const auto probes = FindTlsProbes("/bin/sh");
  ASSERT_TRUE(probes);
  EXPECT_TRUE(probes->empty());
  EXPECT_FALSE(FindTlsProbes("/proc/self/status"));
}

}  // namespace
}  // namespace tracelet::runtime
