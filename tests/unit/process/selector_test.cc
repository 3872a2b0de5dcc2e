#include "agent/process/selector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace tracelet::process {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

// A made-up /proc.
class SelectorTest : public ::testing::Test {
 protected:
  SelectorTest() {
    char name[] = "/tmp/selector_test.XXXXXX";
    root_ = mkdtemp(name);
  }
  ~SelectorTest() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ + "/" + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  Result<Selector> Make(const config::Selector& settings) { return Selector::Make(settings, root_); }
  Selector MakeGood(const config::Selector& settings) {
    auto selector = Make(settings);
    EXPECT_TRUE(selector.has_value());
    return std::move(*selector);
  }

  std::string root_;
};

ProcessInfo Process(uint32_t tgid, const std::string& exe) {
  ProcessInfo info;
  info.key.tgid = tgid;
  info.exe = exe;
  return info;
}

TEST_F(SelectorTest, EverythingByDefault) {
  const Selector selector = MakeGood({});
  EXPECT_FALSE(selector.JudgesProcesses());
  EXPECT_TRUE(selector.Selects(Process(1, "")));
  auto filter = selector.MakeKernelFilter();
  ASSERT_TRUE(filter.has_value());
  EXPECT_EQ(filter->default_verdict, VERDICT_TRACE);
  EXPECT_EQ(filter->netns, 0U);
  EXPECT_FALSE(filter->cgroup);
  EXPECT_THAT(filter->processes, IsEmpty());
}

TEST_F(SelectorTest, GlobsAreOrAmongThemselves) {
  config::Selector settings;
  settings.exes = {"*/nginx", "/opt/*"};
  const Selector selector = MakeGood(settings);
  EXPECT_TRUE(selector.Selects(Process(1, "/usr/sbin/nginx")));
  EXPECT_TRUE(selector.Selects(Process(1, "/opt/a/b")));
  EXPECT_FALSE(selector.Selects(Process(1, "/usr/sbin/nginx2")));
  EXPECT_FALSE(selector.Selects(Process(1, "")));
  EXPECT_EQ(selector.MakeKernelFilter()->default_verdict, VERDICT_TRACE) << "unknown ones are traced until judged";
}

TEST_F(SelectorTest, PidsAndGlobsAreAndTogether) {
  Write("5/comm", "");
  Write("6/comm", "");
  config::Selector settings;
  settings.pids = {5, 6};
  settings.exes = {"/opt/*"};
  const Selector selector = MakeGood(settings);
  EXPECT_TRUE(selector.Selects(Process(5, "/opt/a")));
  EXPECT_FALSE(selector.Selects(Process(5, "/usr/a")));
  EXPECT_FALSE(selector.Selects(Process(7, "/opt/a")));
  auto filter = selector.MakeKernelFilter();
  EXPECT_EQ(filter->default_verdict, VERDICT_IGNORE);
  EXPECT_THAT(filter->processes, ElementsAre(Pair(5, VERDICT_TRACE), Pair(6, VERDICT_TRACE)));
}

TEST_F(SelectorTest, ATreeIsLeftToTheKernel) {
  Write("5/task/5/children", "6 7 ");
  Write("5/task/55/children", "8 ");
  Write("7/task/7/children", "9 ");
  config::Selector settings;
  settings.tree = 5;
  const Selector selector = MakeGood(settings);
  EXPECT_FALSE(selector.JudgesProcesses());
  EXPECT_THAT(selector.MakeKernelFilter()->processes, ElementsAre(Pair(5, VERDICT_TRACE_TREE)));
  EXPECT_THAT(selector.TreeMembers(), ::testing::UnorderedElementsAre(6, 7, 8, 9));
}

TEST_F(SelectorTest, NetnsIsTheInodeOfTheFile) {
  config::Selector settings;
  settings.netns = "/proc/self/ns/net";
  struct stat status {};
  ASSERT_EQ(stat("/proc/self/ns/net", &status), 0);
  EXPECT_EQ(MakeGood(settings).MakeKernelFilter()->netns, status.st_ino);
}

TEST_F(SelectorTest, SaysWhatIsWrong) {
  config::Selector pid, netns, cgroup, no_cgroup, ports, tree;
  pid.pids = {4'000'000};
  tree.tree = 4'000'001;
  netns.netns = "/nonexistent/ns";
  cgroup.cgroup = "/nonexistent/cgroup";
  no_cgroup.cgroup = "/tmp";
  ports.ports.assign(MAX_PORTS + 1, 80);
  EXPECT_THAT(Make(pid).error().message, HasSubstr("no process 4000000"));
  EXPECT_THAT(Make(tree).error().message, HasSubstr("no process 4000001"));
  EXPECT_THAT(Make(netns).error().message, HasSubstr("/nonexistent/ns"));
  EXPECT_THAT(Make(cgroup).error().message, HasSubstr("/nonexistent/cgroup"));
  EXPECT_THAT(Make(no_cgroup).error().message, HasSubstr("is not a cgroup directory"));
  EXPECT_THAT(Make(ports).error().message, HasSubstr("ports"));
}

}  // namespace
}  // namespace tracelet::process
