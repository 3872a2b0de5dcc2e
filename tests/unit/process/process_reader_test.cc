#include "agent/process/process_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

namespace tracelet::process {
namespace {

using testing::ElementsAre;

constexpr uint64_t kSecond = 1'000'000'000;

uint64_t ClockNs(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * kSecond + static_cast<uint64_t>(now.tv_nsec);
}

// A /proc with one process in it.
class FakeProc : public testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::path(testing::TempDir()) / ("proc" + std::to_string(getpid()));
    std::filesystem::create_directories(root_ / "42");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& file, std::string_view contents) {
    std::ofstream(root_ / "42" / file, std::ios::binary).write(contents.data(), static_cast<ssize_t>(contents.size()));
  }
  void WriteStat(const std::string& comm, uint64_t start_ns) {
    uint64_t suspended = UINT64_MAX;  // the thread may lose its CPU between the clocks
    for (int i = 0; i < 3; ++i) {
      const uint64_t monotonic = ClockNs(CLOCK_MONOTONIC);
      suspended = std::min(suspended, ClockNs(CLOCK_BOOTTIME) - monotonic);
    }
    const uint64_t boot_ns = start_ns + suspended;
    const uint64_t ticks = boot_ns / (kSecond / static_cast<uint64_t>(sysconf(_SC_CLK_TCK)));
    Write("stat", "42 (" + comm + ") S 7 42 42 0 -1 4194560 1 0 0 0 3 1 0 0 20 0 1 0 " + std::to_string(ticks) +
                      " 1000 1 18446744073709551615 0 0\n");
  }
  void WriteAll() {
    using namespace std::string_view_literals;
    Write("cmdline", "python3\0-m\0flask\0run\0"sv);
    Write("environ", "PATH=/bin\0SECRET=hunter2\0OTEL_SERVICE_NAME=shop\0OTEL_RESOURCE_ATTRIBUTES=a=1,b=2\0"sv);
    Write("cgroup", "0::/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n");
    std::filesystem::create_symlink("/usr/bin/python3.11 (deleted)", root_ / "42" / "exe");
    std::filesystem::create_symlink("/srv/shop", root_ / "42" / "cwd");
    WriteStat("a) S (b", key_.start_ns);
  }
  ProcessInfo Read(const event_exec* exec = nullptr) { return ReadProcess(key_, exec, root_.string()); }

  const ProcessKey key_{.tgid = 42, .start_ns = 5'000 * kSecond + 123};
  std::filesystem::path root_;
};

event_exec Exec(std::string_view args) {
  event_exec exec{};
  exec.ppid = 9;
  exec.args_size = static_cast<uint32_t>(args.size());
  std::memcpy(exec.args, args.data(), args.size());
  std::memcpy(exec.comm, "curl", 5);
  std::memcpy(exec.exe, "/opt/curl", 10);
  return exec;
}

TEST_F(FakeProc, DescribesALiveProcess) {
  WriteAll();
  const ProcessInfo info = Read();
  EXPECT_EQ(info.key, key_);
  EXPECT_EQ(info.ppid, 7U);
  EXPECT_EQ(info.comm, "a) S (b");
  EXPECT_EQ(info.exe, "/usr/bin/python3.11");
  EXPECT_THAT(info.args, ElementsAre("python3", "-m", "flask", "run"));
  EXPECT_EQ(info.service_name, "shop");
  EXPECT_EQ(info.container_id, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
  EXPECT_THAT(info.resource_attributes, ElementsAre("a=1", "b=2"));
}

TEST_F(FakeProc, AnotherProcessWithTheSameNumberIsNotIt) {
  WriteAll();
  WriteStat("other", key_.start_ns + kSecond);
  const event_exec exec = Exec(std::string_view("curl\0-s\0http://x/\0", 18));
  const ProcessInfo info = Read(&exec);
  EXPECT_EQ(info.comm, "curl");
  EXPECT_EQ(info.ppid, 9U);
  EXPECT_EQ(info.exe, "/opt/curl");
  EXPECT_EQ(info.container_id, "");
  EXPECT_THAT(info.resource_attributes, ElementsAre());
  EXPECT_THAT(info.args, ElementsAre("curl", "-s", "http://x/"));
  EXPECT_EQ(info.service_name, "curl");
}

TEST_F(FakeProc, AZombieHasNoCommandLineButItsExecHad) {
  WriteStat("curl", key_.start_ns);
  const event_exec exec = Exec(std::string_view("/usr/bin/curl\0x\0", 16));
  const ProcessInfo info = Read(&exec);
  EXPECT_EQ(info.ppid, 7U);
  EXPECT_THAT(info.args, ElementsAre("/usr/bin/curl", "x"));
  EXPECT_EQ(info.exe, "/opt/curl");
  EXPECT_EQ(info.service_name, "curl");
}

TEST_F(FakeProc, NothingAtAllStillHasAName) {
  EXPECT_EQ(ReadProcess({.tgid = 43, .start_ns = 1}, nullptr, root_.string()).service_name, "unknown_service");
  event_exec exec = Exec("");
  exec.args_size = 1 << 30;                      // never trusted
  std::memset(exec.exe, 'x', sizeof(exec.exe));  // relative: says little, and has no end
  const ProcessInfo info = ReadProcess({.tgid = 43, .start_ns = 1}, &exec, root_.string());
  EXPECT_EQ(info.service_name, "curl");
  EXPECT_EQ(info.exe, "");
  exec.exe[0] = '/';
  EXPECT_EQ(ReadProcess({.tgid = 43, .start_ns = 1}, &exec, root_.string()).exe, "/" + std::string(255, 'x'));
}

TEST_F(FakeProc, BadStatsAreNoProcess) {
  WriteAll();
  for (const char* stat :
       {"", "42", "42 (", "42 )(", "42 (a)", "42 (a) S 1 2", "42 (a) S 7 42 42 0 -1 1 1 0 0 0 3 1 0 0 20 0 1 0 x"}) {
    Write("stat", stat);
    EXPECT_EQ(Read().exe, "") << stat;
  }
}

TEST_F(FakeProc, KeepsTheBeginningOfALongCommandLine) {
  WriteAll();
  Write("cmdline", "java" + std::string(1, '\0') + "-cp" + std::string(1, '\0') + std::string(60'000, 'x') +
                       std::string(1, '\0') + "com.example.Shop" + std::string(1, '\0'));
  Write("environ", "");
  const ProcessInfo info = Read();
  EXPECT_EQ(info.service_name, "Shop");
  EXPECT_EQ(info.args.size(), 3U);
  EXPECT_LT(info.args[2].size(), kMaxArgsKept);
}

// The real /proc, and the start time the kernel itself reports. Not by fork(): it copies the page tables, which takes
// longer than a tick with a sanitizer's.
struct Child {
  Child() {
    const char* const argv[] = {"sleep", "60", nullptr};
    EXPECT_EQ(posix_spawnp(&pid, argv[0], nullptr, nullptr, const_cast<char* const*>(argv), environ), 0);
  }
  ~Child() {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }

  pid_t pid = -1;
};

TEST(ReadProcess, FindsThisProcess) {
  const ProcessInfo wrong = ReadProcess({.tgid = static_cast<uint32_t>(getpid()), .start_ns = 1}, nullptr);
  EXPECT_EQ(wrong.exe, "");
  // Its start has to be known to a tick: on a busy machine a start may take longer.
  for (int attempt = 0; attempt < 1'000; ++attempt) {
    const uint64_t before = ClockNs(CLOCK_MONOTONIC);
    const Child child;
    if (ClockNs(CLOCK_MONOTONIC) - before > kSecond / 100) continue;
    const ProcessInfo info = ReadProcess({.tgid = static_cast<uint32_t>(child.pid), .start_ns = before}, nullptr);
    EXPECT_EQ(info.exe, std::filesystem::read_symlink("/proc/" + std::to_string(child.pid) + "/exe").string());
    EXPECT_EQ(info.ppid, static_cast<uint32_t>(getpid()));
    return;
  }
  FAIL() << "a start never took less than a tick";
}

TEST(SameStart, AllowsOneTickAndTheTimeSuspended) {
  const uint64_t tick = kSecond / 100;
  const uint64_t start = 77 * kSecond;
  EXPECT_TRUE(SameStart(7700, start, 0, 100));
  EXPECT_TRUE(SameStart(7700, start + tick - 1, 0, 100));
  EXPECT_FALSE(SameStart(7700, start + 2 * tick, 0, 100));
  EXPECT_FALSE(SameStart(7702, start, 0, 100));
  // Ten seconds of suspend: before, during or after it was started.
  EXPECT_TRUE(SameStart(7700, start, 10 * kSecond, 100));
  EXPECT_TRUE(SameStart(8700, start, 10 * kSecond, 100));
  EXPECT_FALSE(SameStart(8702, start, 10 * kSecond, 100));
}

}  // namespace
}  // namespace tracelet::process
