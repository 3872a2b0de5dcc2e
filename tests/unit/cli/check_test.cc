#include "agent/cli/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace tracelet::cli {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

// A host made of files.
class CheckTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "check.XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    Write("/proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
    Write("/proc/sys/kernel/unprivileged_bpf_disabled", "2\n");
    Write("/sys/kernel/btf/vmlinux", "x");
    Write("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
    Write("/proc/self/status", "Name:\tx\nCapEff:\t000001ffffffffff\n");
    Write("/proc/self/limits", "Max locked memory         8388608              8388608              bytes\n");
    fs::create_directories(root_ + "/proc/self/ns");
    fs::create_symlink("pid:[4026531836]", root_ + "/proc/self/ns/pid");
    Write("/proc/self/mounts", "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n");
  }
  void TearDown() override { fs::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  static Status Loads() { return Ok(); }
  static Status Fails() { return Error{"permission denied"}; }

  std::string root_;
};

TEST_F(CheckTest, AGoodHostStarts) {
  const auto findings = CheckHost(root_, {.start = Loads, .late = Loads});
  for (const Finding& finding : findings) EXPECT_EQ(finding.level, Level::kOk) << finding.what << ": " << finding.found;
  EXPECT_TRUE(WouldStart(findings));
  EXPECT_THAT(RenderFindings(findings), HasSubstr("ok    kernel        6.1.0-18-amd64\n"));
  EXPECT_THAT(RenderFindings(findings), HasSubstr("capture would start"));
}

TEST_F(CheckTest, AnOldKernelFails) {
  Write("/proc/sys/kernel/osrelease", "5.9.16\n");
  EXPECT_EQ(CheckKernel(root_).level, Level::kFail);
  Write("/proc/sys/kernel/osrelease", "5.10.0\n");
  EXPECT_EQ(CheckKernel(root_).level, Level::kOk);
  Write("/proc/sys/kernel/osrelease", "10.1\n");
  EXPECT_EQ(CheckKernel(root_).level, Level::kOk);
  Write("/proc/sys/kernel/osrelease", "odd\n");
  EXPECT_EQ(CheckKernel(root_).level, Level::kFail);
}

TEST_F(CheckTest, AnotherPidNamespaceIsSaid) {
  EXPECT_EQ(CheckPidNamespace(root_).level, Level::kOk);
  fs::remove(root_ + "/proc/self/ns/pid");
  EXPECT_EQ(CheckPidNamespace(root_).level, Level::kWarn);
  fs::create_symlink("pid:[4026532175]", root_ + "/proc/self/ns/pid");
  EXPECT_EQ(CheckPidNamespace(root_).level, Level::kWarn);
  EXPECT_THAT(CheckPidNamespace(root_).found, HasSubstr("not the host's"));
  EXPECT_THAT(CheckPidNamespace(root_).remedy, HasSubstr("hostPID"));
}

TEST_F(CheckTest, NoBtfFails) {
  fs::remove(root_ + "/sys/kernel/btf/vmlinux");
  EXPECT_EQ(CheckBtf(root_).level, Level::kFail);
}

TEST_F(CheckTest, CapabilitiesAreNamed) {
  Write("/proc/self/status", "CapEff:\t0000000000000000\n");
  EXPECT_EQ(CheckCapabilities(root_).level, Level::kFail);
  EXPECT_EQ(CheckCapabilities(root_).found, "missing CAP_BPF, CAP_PERFMON");
  Write("/proc/self/status", "CapEff:\t000000c000000000\n");  // bits 38 and 39
  EXPECT_EQ(CheckCapabilities(root_).level, Level::kWarn);
  EXPECT_EQ(CheckCapabilities(root_).found, "missing CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH");
  Write("/proc/self/status", "CapEff:\t000000c000080000\n");
  EXPECT_EQ(CheckCapabilities(root_).found, "missing CAP_DAC_READ_SEARCH");
  Write("/proc/self/status", "CapEff:\t000000c000080004\n");
  EXPECT_EQ(CheckCapabilities(root_).level, Level::kOk);
  Write("/proc/self/status", "CapEff:\t000000c000080002\n");  // CAP_DAC_OVERRIDE
  EXPECT_EQ(CheckCapabilities(root_).level, Level::kOk);
  Write("/proc/sys/kernel/osrelease", "5.10.0\n");  // charges memlock
  EXPECT_EQ(CheckCapabilities(root_).found, "missing CAP_SYS_RESOURCE");
}

TEST_F(CheckTest, OnlyConfidentialityLocksOut) {
  Write("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
  EXPECT_EQ(CheckLockdown(root_).level, Level::kOk);
  Write("/sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
  EXPECT_EQ(CheckLockdown(root_).level, Level::kFail);
}

TEST_F(CheckTest, MemlockCountsBefore511) {
  Write("/proc/sys/kernel/osrelease", "5.10.0\n");
  EXPECT_EQ(CheckMemlock(root_).level, Level::kWarn);
  EXPECT_THAT(CheckMemlock(root_).found, HasSubstr("8388608"));
  Write("/proc/self/limits", "Max locked memory         unlimited            unlimited            bytes\n");
  EXPECT_EQ(CheckMemlock(root_).level, Level::kOk);
}

TEST_F(CheckTest, UnprivilegedBpfIsWarnedOf) {
  Write("/proc/sys/kernel/unprivileged_bpf_disabled", "0\n");
  EXPECT_EQ(CheckUnprivilegedBpf(root_).level, Level::kWarn);
}

TEST_F(CheckTest, CgroupModes) {
  EXPECT_EQ(CheckCgroups(root_).found, "v2");
  Write("/proc/self/mounts",
        "cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n");
  EXPECT_EQ(CheckCgroups(root_).found, "hybrid (v1 and v2)");
  Write("/proc/self/mounts", "cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\n");
  EXPECT_EQ(CheckCgroups(root_).level, Level::kWarn);
}

TEST_F(CheckTest, IoUringUsersAreNamed) {
  Write("/proc/77/comm", "tokio-app\n");
  fs::create_directories(root_ + "/proc/77/fd");
  fs::create_symlink("socket:[1]", root_ + "/proc/77/fd/3");
  EXPECT_EQ(CheckIoUring(root_).level, Level::kOk);
  fs::create_symlink("anon_inode:[io_uring]", root_ + "/proc/77/fd/4");
  EXPECT_EQ(CheckIoUring(root_).level, Level::kWarn);
  EXPECT_EQ(CheckIoUring(root_).found, "used by 77 (tokio-app)");
}

TEST_F(CheckTest, TheTrialLoadDecides) {
  const auto findings = CheckHost(root_, {.start = Fails, .late = Fails});
  EXPECT_FALSE(WouldStart(findings));
  EXPECT_THAT(RenderFindings(findings), HasSubstr("fail  programs      permission denied"));
}

TEST_F(CheckTest, WithoutTheLateProgramsCaptureStarts) {
  const auto findings = CheckHost(root_, {.start = Loads, .late = Fails});
  EXPECT_TRUE(WouldStart(findings));
  EXPECT_THAT(RenderFindings(findings), HasSubstr("warn  programs      permission denied"));
}

}  // namespace
}  // namespace tracelet::cli
