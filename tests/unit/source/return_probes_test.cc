#include "agent/source/return_probes.h"

#include <gtest/gtest.h>

namespace tracelet::source {
namespace {

#if defined(__x86_64__)
TEST(ReturnProbes, HarmOnKernelsWhoseSeccompDoesNotLetThemPass) {
  for (const char* release : {"6.11.0-29-generic", "6.12.0", "6.12.13+deb12-amd64", "6.13.2", "6.12"}) {
    EXPECT_TRUE(ReturnProbesHarm(release)) << release;
  }
}
#endif

TEST(ReturnProbes, HarmNobodyElsewhere) {
  for (const char* release : {"5.10.0-32-amd64", "5.15.0-102-generic", "6.8.0-60-generic", "6.10.14", "6.12.14",
                              "6.12.95+deb12-amd64", "6.13.3", "6.14.0", "7.0.0", "", "x"}) {
    EXPECT_FALSE(ReturnProbesHarm(release)) << release;
  }
}

}  // namespace
}  // namespace tracelet::source
