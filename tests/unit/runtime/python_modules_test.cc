#include "agent/runtime/python_modules.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <thread>

namespace tracelet::runtime {
namespace {

// The interpreter that builds this: its queue module may be linked in, then there is nothing to find.
TEST(FindPythonModules, FindsTheQueueOfExecutors) {
  const pid_t child = fork();
  if (child == 0) {
    execl("/usr/bin/python3", "python3", "-c", "import _queue, time; time.sleep(60)", nullptr);
    _exit(1);
  }
  std::vector<PythonModule> found;
  for (int i = 0; i < 200 && found.empty(); ++i) {  // until it is mapped
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    found = FindPythonModules("/proc/" + std::to_string(child));
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_FALSE(found[0].uvloop);
  std::map<PythonProgram, int> places;
  for (const auto& [program, offset] : found[0].places) ++places[program];
  EXPECT_EQ(places, (std::map<PythonProgram, int>{{PythonProgram::kPuts, 2}, {PythonProgram::kGot, 2}}));
}

TEST(FindPythonModules, OthersHaveNone) { EXPECT_TRUE(FindPythonModules("/proc/self").empty()); }

}  // namespace
}  // namespace tracelet::runtime
