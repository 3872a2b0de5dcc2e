#include "agent/process/process_reader.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/unique_fd.h"
#include "agent/process/container_id.h"
#include "agent/process/service_name.h"

namespace tracelet::process {
namespace {

constexpr size_t kMaxFile = 128 << 10;  // MAX_ARG_STRLEN: the longest single argument or variable
constexpr uint64_t kSecond = 1'000'000'000;

// Empty for a file that cannot be read; what is past kMaxFile is cut off.
std::string ReadFile(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string contents;
  if (!fd) return contents;
  std::array<char, 4096> block;
  while (contents.size() < kMaxFile) {
    const ssize_t count = read(fd.get(), block.data(), block.size());
    if (count <= 0) break;
    contents.append(block.data(), static_cast<size_t>(count));
  }
  return contents;
}

std::string ReadLink(const std::string& path) {
  std::array<char, PATH_MAX> target;
  const ssize_t size = readlink(path.c_str(), target.data(), target.size());
  if (size <= 0) return {};
  std::string_view text(target.data(), static_cast<size_t>(size));
  constexpr std::string_view kDeleted = " (deleted)";  // the file was replaced, for example by an upgrade
  if (text.ends_with(kDeleted)) text.remove_suffix(kDeleted.size());
  return std::string(text);
}

// Strings that end with NUL; a title written by setproctitle() may lack the last one.
std::vector<std::string> SplitAtNul(std::string_view text) {
  while (text.ends_with('\0')) text.remove_suffix(1);
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find('\0'));
    parts.emplace_back(part);
    text.remove_prefix(std::min(text.size(), part.size() + 1));
  }
  return parts;
}

struct Stat {
  std::string comm;
  uint32_t ppid = 0;
  uint64_t start_ticks = 0;
  bool valid = false;
};

// "PID (comm) S PPID ...": comm may contain anything, also ") ".
Stat ParseStat(std::string_view text) {
  Stat stat;
  const size_t open = text.find('(');
  const size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return stat;
  stat.comm = text.substr(open + 1, close - open - 1);
  std::string_view rest = text.substr(close + 1);
  for (int field = 3; field <= 22; ++field) {
    const size_t begin = rest.find_first_not_of(' ');
    if (begin == std::string_view::npos) return stat;
    rest.remove_prefix(begin);
    const std::string_view value = rest.substr(0, rest.find(' '));
    if (field == 4) std::from_chars(value.data(), value.data() + value.size(), stat.ppid);
    if (field == 22) {
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), stat.start_ticks);
      stat.valid = error == std::errc();
    }
    rest.remove_prefix(value.size());
  }
  return stat;
}

uint64_t SuspendedNs() {
  const ClockReadings readings = ReadTogether(CLOCK_MONOTONIC, CLOCK_BOOTTIME);
  return readings.second_ns - std::min(readings.first_ns, readings.second_ns);
}

void KeepBeginning(std::vector<std::string>& args) {
  size_t left = kMaxArgsKept;
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i].size() >= left) {
      args[i].resize(left);
      args.resize(i + 1);
      break;
    }
    left -= args[i].size();
  }
  for (std::string& arg : args) arg.shrink_to_fit();
  args.shrink_to_fit();
}

}  // namespace

bool SameStart(uint64_t stat_ticks, uint64_t start_ns, uint64_t suspended_ns, uint64_t ticks_per_second) {
  const uint64_t tick = kSecond / ticks_per_second;
  const uint64_t stat_ns = stat_ticks * tick;
  // nsec_to_clock_t() rounds down, and the kernel reads the two clocks one after the other.
  return stat_ns + tick >= start_ns && stat_ns <= start_ns + suspended_ns + tick;
}

ProcessInfo ReadProcess(ProcessKey key, const event_exec* exec, const std::string& proc_root) {
  const std::string folder = proc_root + "/" + std::to_string(key.tgid) + "/";
  ProcessInfo info;
  info.key = key;
  std::vector<std::string> args = SplitAtNul(ReadFile(folder + "cmdline"));
  const std::vector<std::string> environment = SplitAtNul(ReadFile(folder + "environ"));
  std::string exe = ReadLink(folder + "exe");
  std::string cwd = ReadLink(folder + "cwd");
  const std::string cgroup = ReadFile(folder + "cgroup");
  // Last of all: what was read before is this process's if it still is.
  const Stat stat = ParseStat(ReadFile(folder + "stat"));

  NameEvidence evidence;
  const auto ticks = static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
  if (stat.valid && SameStart(stat.start_ticks, key.start_ns, SuspendedNs(), ticks)) {
    info.comm = stat.comm;
    info.ppid = stat.ppid;
    info.args = std::move(args);
    info.exe = std::move(exe);
    evidence.cwd = std::move(cwd);
    Cgroups cgroups = ParseCgroups(cgroup);
    info.cgroup = std::move(cgroups.path);
    info.container_id = std::move(cgroups.container_id);
    info.pod_uid = std::move(cgroups.pod_uid);
    for (const std::string& variable : environment) {
      constexpr std::string_view kName = "OTEL_SERVICE_NAME=";
      constexpr std::string_view kAttributes = "OTEL_RESOURCE_ATTRIBUTES=";
      if (variable.starts_with(kName)) evidence.otel_service_name = variable.substr(kName.size());
      if (variable.starts_with(kAttributes)) {
        info.resource_attributes = ParseResourceAttributes(std::string_view(variable).substr(kAttributes.size()));
      }
    }
  }
  if (exec != nullptr) {
    // A zombie has a stat but no command line any more.
    if (info.args.empty()) {
      info.args = SplitAtNul({exec->args, std::min<size_t>(exec->args_size, sizeof(exec->args))});
    }
    if (info.exe.empty() && exec->exe[0] == '/')
      info.exe = std::string(exec->exe, strnlen(exec->exe, sizeof(exec->exe)));
    if (info.comm.empty()) info.comm = std::string(exec->comm, strnlen(exec->comm, sizeof(exec->comm)));
    if (info.ppid == 0) info.ppid = exec->ppid;
  }
  info.service_name = ServiceName(info, evidence);
  info.name_stated = IsStated(info, evidence);
  KeepBeginning(info.args);
  return info;
}

Cgroups ReadCgroups(uint32_t tgid, const std::string& proc_root) {
  return ParseCgroups(ReadFile(proc_root + "/" + std::to_string(tgid) + "/cgroup"));
}

}  // namespace tracelet::process
