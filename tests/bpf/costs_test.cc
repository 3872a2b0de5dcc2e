// What the programs cost is counted in samples, and only in samples.
#include <unistd.h>

#include <algorithm>
#include <set>
#include <string>

#include "agent/source/bpf_costs.h"
#include "tests/bpf/capture.h"

namespace tracelet::testing {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

void CallTheKernel() {
  for (int i = 0; i < 1'000; ++i) getppid();
}

uint64_t RunsOfSysExit(const std::vector<source::ProgramRuns>& programs) {
  const auto found = std::ranges::find(programs, "sys_exit", &source::ProgramRuns::name);
  return found == programs.end() ? 0 : found->runs;
}

TEST(BpfCostsTest, AreCountedInSamplesOnly) {
  auto programs = source::BpfPrograms::Load(config::Source{}, process::KernelFilter{});
  ASSERT_TRUE(programs) << programs.error().message;
  ASSERT_TRUE((*programs)->Attach());
  source::BpfCosts costs(**programs, 10);

  costs.OnTime(100 * kSecond);
  CallTheKernel();
  EXPECT_EQ(costs.sampled_ns(), 0U);
  costs.OnTime(101 * kSecond);
  EXPECT_EQ(costs.sampled_ns(), kSecond);
  EXPECT_GE(RunsOfSysExit(costs.programs()), 1'000U);
  const auto program = std::ranges::find(costs.programs(), "sys_exit", &source::ProgramRuns::name);
  EXPECT_GT(program->ns, 0U);

  costs.OnTime(105 * kSecond);
  // Another agent on this kernel may be in a sample of its own just now: statistics are everybody's.
  const auto counted = [&] {
    const uint64_t before = RunsOfSysExit((*programs)->Runs());
    CallTheKernel();
    return RunsOfSysExit((*programs)->Runs()) - before >= 1'000;
  };
  for (int i = 0; i < 50 && counted(); ++i) usleep(100'000);
  EXPECT_FALSE(counted()) << "something keeps bpf_stats_enabled on";

  costs.OnTime(110 * kSecond);
  CallTheKernel();
  costs.OnTime(110 * kSecond + source::BpfCosts::kSampleNs);
  EXPECT_GE(RunsOfSysExit(costs.programs()), 2'000U);
}

TEST(BpfCostsTest, ProgramsThatAreLoadedLaterAreCountedFromThenOn) {
  auto programs = source::BpfPrograms::Load(config::Source{}, process::KernelFilter{});
  ASSERT_TRUE(programs) << programs.error().message;
  const auto names = [&] {
    std::set<std::string> all;
    for (const source::ProgramRuns& one : (*programs)->Runs()) all.insert(one.name);
    return all;
  };
  EXPECT_TRUE(names().contains("sys_exit"));
  EXPECT_FALSE(names().contains("tls_return")) << "costs as much as all others to load, and nobody needs it";
  source::BpfCosts costs(**programs, 10);
  costs.OnTime(100 * kSecond);
  const auto late = (*programs)->late().Get();
  ASSERT_TRUE(late) << late.error().message;
  EXPECT_EQ(*(*programs)->late().Get(), *late);
  EXPECT_TRUE(names().contains("sys_exit"));
  EXPECT_TRUE(names().contains("tls_return"));
  EXPECT_TRUE(names().contains("go_call"));
  costs.OnTime(101 * kSecond);
  for (const source::ProgramRuns& one : costs.programs()) EXPECT_NE(one.name, "");
}

TEST(BpfCostsTest, NoPeriodMeansNoSample) {
  auto programs = source::BpfPrograms::Load(config::Source{}, process::KernelFilter{});
  ASSERT_TRUE(programs) << programs.error().message;
  source::BpfCosts costs(**programs, 0);
  costs.OnTime(kSecond);
  costs.OnTime(3 * kSecond);
  EXPECT_EQ(costs.sampled_ns(), 0U);
}

}  // namespace
}  // namespace tracelet::testing
