#include "agent/cli/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <thread>

namespace tracelet::cli {
namespace {

int WaitFor(Program& program) {
  for (int i = 0; i < 1000; ++i) {
    if (const auto status = program.Ended()) return *status;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ADD_FAILURE() << "still running";
  return -1;
}

TEST(Program, WaitsAtTheGate) {
  auto program = Program::Fork({"sh", "-c", "exit 3"});
  ASSERT_TRUE(program);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(program->Ended());
  ASSERT_TRUE(program->Release());
  EXPECT_EQ(WaitFor(*program), 3);
}

TEST(Program, ASignalIsStatedAsShellsDo) {
  auto program = Program::Fork({"sleep", "60"});
  ASSERT_TRUE(program);
  ASSERT_TRUE(program->Release());
  program->Signal(SIGTERM);
  EXPECT_EQ(WaitFor(*program), 128 + SIGTERM);
}

TEST(Program, NoSuchProgramIsAnError) {
  auto program = Program::Fork({"/no/such/program"});
  ASSERT_TRUE(program);
  const Status released = program->Release();
  ASSERT_FALSE(released);
  EXPECT_THAT(released.error().message, testing::HasSubstr("cannot run /no/such/program: No such file"));
  EXPECT_EQ(WaitFor(*program), kCannotRun);
}

TEST(Program, EndsWithTheGate) {
  pid_t pid = 0;
  {
    auto program = Program::Fork({"sleep", "60"});
    ASSERT_TRUE(program);
    pid = program->pid();
  }
  siginfo_t info{};
  EXPECT_EQ(waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED), 0);
  EXPECT_EQ(info.si_status, kCannotRun);
}

}  // namespace
}  // namespace tracelet::cli
