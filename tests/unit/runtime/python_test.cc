#include "agent/runtime/python.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <set>
#include <thread>

#include "agent/runtime/elf_image.h"

namespace tracelet::runtime {
namespace {

TEST(MayRunPython, GoesByTheNameOfTheExecutable) {
  for (const auto* python : {"/usr/bin/python3.11", "/opt/python3", "python3.12 (deleted)", "/usr/bin/uwsgi"}) {
    EXPECT_TRUE(MayRunPython(python)) << python;
  }
  for (const auto* other : {"", "/usr/bin/pypy3", "/python/node"}) EXPECT_FALSE(MayRunPython(other)) << other;
}

TEST(FindPythonLayout, KnowsTheVersionsWhoseHeadersWereRead) {
  for (const uint32_t minor : {8U, 9U, 10U, 11U, 12U, 13U, 14U}) EXPECT_NE(FindPythonLayout(minor), nullptr) << minor;
  for (const uint32_t minor : {0U, 7U, 99U}) EXPECT_EQ(FindPythonLayout(minor), nullptr) << minor;
}

// The one that builds this, whichever it is.
TEST(FindPython, FindsWhatMakesContexts) {
  const pid_t child = fork();
  if (child == 0) {
    execl("/usr/bin/python3", "python3", "-c", "import time; time.sleep(60)", nullptr);
    _exit(1);
  }
  Result<PythonProcess> found = Error{"not asked yet"};
  for (int i = 0; i < 200 && !found; ++i) {  // until it has become a Python
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    found = FindPython("/proc/" + std::to_string(child));
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_NE(found->runtime, 0U);
  ASSERT_NE(found->file.layout, nullptr);
  EXPECT_EQ(found->file.copy_other.size(), 2U);
  std::set<uint64_t> places(found->file.copy_other.begin(), found->file.copy_other.end());
  places.insert({found->file.copy_current, found->file.enter});
  EXPECT_EQ(places.size(), 4U);
}

TEST(FindPython, SaysWhatIsMissing) {
  const auto found = FindPython("/proc/self");
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message.find("CPython"), std::string::npos) << found.error().message;
  EXPECT_FALSE(FindPython("/no/such/process"));
}

TEST(ElfImage, ReadsWhatTheFileBeginsWith) {
  const auto image = ElfImage::Open("/proc/self/exe");
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->Bytes(image->LoadAddress(), 4),
            "\x7f"
            "ELF");
  EXPECT_EQ(image->Symbol("no_such_symbol"), std::nullopt);
  EXPECT_EQ(image->Bytes(~0ULL, 4), "");
  EXPECT_EQ(image->FileOffset(~0ULL), std::nullopt);
  EXPECT_FALSE(ElfImage::Open("/proc/self/status"));
}

}  // namespace
}  // namespace tracelet::runtime
