#include "agent/cli/check_tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

namespace tracelet::cli {
namespace {

using ::testing::HasSubstr;

TEST(CheckTlsTest, ListsAProcessThatHasMappedOpenSsl) {
  const pid_t child = fork();  // it has all that this one has mapped
  if (child == 0) {
    pause();
    _exit(0);
  }
  size_t others = 0;
  const auto processes = CheckProcesses(others);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  const auto found = std::ranges::find(processes, static_cast<uint32_t>(child), &ProcessTls::pid);
  ASSERT_NE(found, processes.end());
  EXPECT_TRUE(found->seen);
  EXPECT_THAT(found->what, HasSubstr("libssl.so"));
}

TEST(CheckTlsTest, SaysWhyNothingIsSeen) {
  const auto text = RenderProcesses({{7, "java", false, "not: Java's own TLS"}, {8, "nginx", true, "libssl.so.3"}}, 3);
  EXPECT_THAT(text, HasSubstr("not seen        7 java             not: Java's own TLS\n"));
  EXPECT_THAT(text, HasSubstr("seen            8 nginx            libssl.so.3\n"));
  EXPECT_THAT(text, HasSubstr("no TLS library found in 3 more"));
}

}  // namespace
}  // namespace tracelet::cli
