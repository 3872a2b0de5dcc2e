#include "agent/cli/check.h"

#include <dirent.h>
#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>

namespace tracelet::cli {
namespace {

// The ring buffer came in 5.8, and 5.10 is the oldest kernel that is tested (README.md says why).
constexpr int kOldestMajor = 5;
constexpr int kOldestMinor = 10;

std::optional<std::string> ReadText(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  std::string read = text.str();
  while (!read.empty() && std::isspace(static_cast<unsigned char>(read.back()))) read.pop_back();
  return read;
}

struct Version {
  int major = 0;
  int minor = 0;
  [[nodiscard]] bool AtLeast(int wanted_major, int wanted_minor) const {
    return major > wanted_major || (major == wanted_major && minor >= wanted_minor);
  }
};

Version KernelVersion(const std::string& release) {
  Version version;
  if (std::sscanf(release.c_str(), "%d.%d", &version.major, &version.minor) != 2) return {};
  return version;
}

std::string Release(const std::string& root) { return ReadText(root + "/proc/sys/kernel/osrelease").value_or(""); }

// The rest of the line of a "Name: value" file that begins with `name`.
std::string Field(const std::string& text, const std::string& name) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(name, 0) != 0) continue;
    const size_t value = line.find_first_not_of(" \t", name.size());
    return value == std::string::npos ? "" : line.substr(value);
  }
  return "";
}

struct Capability {
  int bit;  // include/uapi/linux/capability.h
  const char* name;
};
constexpr Capability kDacOverride{1, "CAP_DAC_OVERRIDE"};
constexpr Capability kDacReadSearch{2, "CAP_DAC_READ_SEARCH"};
constexpr Capability kSysPtrace{19, "CAP_SYS_PTRACE"};
constexpr Capability kSysAdmin{21, "CAP_SYS_ADMIN"};
constexpr Capability kSysResource{24, "CAP_SYS_RESOURCE"};
constexpr Capability kPerfmon{38, "CAP_PERFMON"};
constexpr Capability kBpf{39, "CAP_BPF"};

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;
Directory Open(const std::string& path) { return {opendir(path.c_str()), closedir}; }

// Does this process have an io_uring? Its rings are files that are no files.
bool UsesIoUring(const std::string& fd_directory) {
  const Directory directory = Open(fd_directory);
  if (!directory) return false;
  char target[64];
  while (const dirent* entry = readdir(directory.get())) {
    const ssize_t length = readlinkat(dirfd(directory.get()), entry->d_name, target, sizeof(target));
    if (length > 0 && std::string_view(target, static_cast<size_t>(length)) == "anon_inode:[io_uring]") return true;
  }
  return false;
}

}  // namespace

Finding CheckKernel(const std::string& root) {
  const std::string release = Release(root);
  const bool enough = KernelVersion(release).AtLeast(kOldestMajor, kOldestMinor);
  return {enough ? Level::kOk : Level::kFail, "kernel", release.empty() ? "unknown" : release,
          enough ? "" : fmt::format("needs {}.{} or newer", kOldestMajor, kOldestMinor)};
}

Finding CheckBtf(const std::string& root) {
  const std::string path = "/sys/kernel/btf/vmlinux";
  if (access((root + path).c_str(), R_OK) == 0) return {Level::kOk, "BTF", path, ""};
  return {Level::kFail, "BTF", path + " cannot be read",
          "use a kernel built with CONFIG_DEBUG_INFO_BTF=y (all large distributions since 2020), and mount /sys"};
}

Finding CheckCapabilities(const std::string& root) {
  const std::string hex = Field(ReadText(root + "/proc/self/status").value_or(""), "CapEff:");
  const uint64_t effective = std::strtoull(hex.c_str(), nullptr, 16);
  const auto has = [&](const Capability& capability) { return (effective >> capability.bit & 1) != 0; };
  std::string missing;
  const auto need = [&](const Capability& capability, bool covered) {
    if (!has(capability) && !covered) missing += std::string(missing.empty() ? "" : ", ") + capability.name;
  };
  need(kBpf, has(kSysAdmin));
  need(kPerfmon, has(kSysAdmin));
  const bool charged_to_cgroup = KernelVersion(Release(root)).AtLeast(5, 11);
  need(kSysResource, charged_to_cgroup);
  if (!missing.empty()) {
    return {Level::kFail, "capabilities", "missing " + missing,
            "run as root, or grant them: setcap, AmbientCapabilities="};
  }
  need(kSysPtrace, false);
  need(kDacReadSearch, has(kDacOverride));
  if (!missing.empty()) {
    return {Level::kWarn, "capabilities", "missing " + missing,
            "without it the names of other users' processes are less exact: run as root, or grant it"};
  }
  return {Level::kOk, "capabilities",
          has(kSysAdmin) ? "CAP_SYS_ADMIN, CAP_SYS_PTRACE" : "CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE", ""};
}

Finding CheckLockdown(const std::string& root) {
  const auto modes = ReadText(root + "/sys/kernel/security/lockdown");
  if (!modes) return {Level::kOk, "lockdown", "not there", ""};
  const size_t open = modes->find('[');
  const size_t close = modes->find(']');
  const std::string mode =
      open < close && close != std::string::npos ? modes->substr(open + 1, close - open - 1) : *modes;
  // LOCKDOWN_BPF_READ_KERNEL, security/security.c
  if (mode != "confidentiality") return {Level::kOk, "lockdown", mode, ""};
  return {Level::kFail, "lockdown", mode,
          "boot with lockdown=integrity: confidentiality forbids BPF to read the kernel"};
}

Finding CheckMemlock(const std::string& root) {
  if (KernelVersion(Release(root)).AtLeast(5, 11)) {
    return {Level::kOk, "memory", "charged to the memory cgroup (kernel 5.11 or newer)", ""};
  }
  const std::string limit = Field(ReadText(root + "/proc/self/limits").value_or(""), "Max locked memory");
  const std::string soft = limit.substr(0, limit.find(' '));
  if (soft == "unlimited") return {Level::kOk, "memory", "memlock unlimited", ""};
  return {Level::kWarn, "memory", "memlock " + soft + ", charged before kernel 5.11",
          "ulimit -l unlimited, or LimitMEMLOCK=infinity; with CAP_SYS_RESOURCE it is raised by itself"};
}

Finding CheckUnprivilegedBpf(const std::string& root) {
  const auto value = ReadText(root + "/proc/sys/kernel/unprivileged_bpf_disabled");
  if (!value) return {Level::kOk, "unprivileged", "no such setting", ""};
  if (*value != "0") return {Level::kOk, "unprivileged", "BPF only for those who may", ""};
  return {Level::kWarn, "unprivileged", "every user may load BPF programs",
          "tracelet does not need that: sysctl kernel.unprivileged_bpf_disabled=2"};
}

Finding CheckCgroups(const std::string& root) {
  std::istringstream mounts(ReadText(root + "/proc/self/mounts").value_or(""));
  bool v1 = false;
  bool v2 = false;
  for (std::string line; std::getline(mounts, line);) {
    v1 |= line.find(" cgroup ") != std::string::npos;
    v2 |= line.find(" cgroup2 ") != std::string::npos;
  }
  if (v2) return {Level::kOk, "cgroups", v1 ? "hybrid (v1 and v2)" : "v2", ""};
  return {Level::kWarn, "cgroups", v1 ? "v1 only" : "not mounted",
          "--cgroup is then decided in user space, after the copy: boot with systemd.unified_cgroup_hierarchy=1"};
}

Finding CheckPidNamespace(const std::string& root) {
  // PROC_PID_INIT_INO, include/linux/proc_ns.h
  constexpr std::string_view kHosts = "pid:[4026531836]";
  char target[64];
  const ssize_t length = readlink((root + "/proc/self/ns/pid").c_str(), target, sizeof(target));
  if (length < 0) return {Level::kWarn, "pid namespace", "unknown", "mount /proc"};
  const std::string_view found(target, static_cast<size_t>(length));
  if (found == kHosts) return {Level::kOk, "pid namespace", "the host's", ""};
  return {Level::kWarn, "pid namespace", std::string(found) + ", not the host's",
          "processes keep their kernel's numbers: names are lost, and tracelet traces itself. In a container: hostPID, "
          "--pid=host"};
}

Finding CheckIoUring(const std::string& root) {
  std::vector<std::string> users;
  const Directory proc = Open(root + "/proc");
  while (const dirent* entry = proc ? readdir(proc.get()) : nullptr) {
    const std::string pid = entry->d_name;
    if (!std::all_of(pid.begin(), pid.end(), [](unsigned char c) { return std::isdigit(c) != 0; })) continue;
    if (!UsesIoUring(root + "/proc/" + pid + "/fd")) continue;
    users.push_back(fmt::format("{} ({})", pid, ReadText(root + "/proc/" + pid + "/comm").value_or("?")));
  }
  if (users.empty()) return {Level::kOk, "io_uring", "no process has one", ""};
  std::sort(users.begin(), users.end());
  constexpr size_t kShown = 8;
  const std::string more = users.size() > kShown ? fmt::format(" and {} more", users.size() - kShown) : "";
  users.resize(std::min(users.size(), kShown));
  return {Level::kWarn, "io_uring", fmt::format("used by {}{}", fmt::join(users, ", "), more),
          "requests that they send or receive through it are not seen; most programs can be told not to use it"};
}

Finding CheckLoad(const Loading& loading) {
  const Status started = loading.start();
  if (!started)
    return {Level::kFail, "programs", started.error().message,
            "see the lines above; if they are all ok, please report it"};
  const Status late = loading.late();
  if (late) return {Level::kOk, "programs", "load", ""};
  return {Level::kWarn, "programs", late.error().message,
          "what is encrypted is not seen and Go's calls are not linked on this kernel; please report it"};
}

std::vector<Finding> CheckHost(const std::string& root, const Loading& loading) {
  return {
      CheckKernel(root),          CheckBtf(root),     CheckCapabilities(root), CheckLockdown(root), CheckMemlock(root),
      CheckUnprivilegedBpf(root), CheckCgroups(root), CheckPidNamespace(root), CheckIoUring(root),  CheckLoad(loading)};
}

std::string RenderFindings(const std::vector<Finding>& findings) {
  static constexpr const char* kLevels[] = {"ok", "warn", "fail"};
  std::string text;
  for (const Finding& finding : findings) {
    text += fmt::format("{:<5} {:<13} {}\n", kLevels[static_cast<int>(finding.level)], finding.what, finding.found);
    if (!finding.remedy.empty()) text += fmt::format("{:<19} remedy: {}\n", "", finding.remedy);
  }
  text += WouldStart(findings) ? "capture would start\n" : "capture would not start\n";
  return text;
}

bool WouldStart(const std::vector<Finding>& findings) {
  return std::none_of(findings.begin(), findings.end(),
                      [](const Finding& finding) { return finding.level == Level::kFail; });
}

}  // namespace tracelet::cli
