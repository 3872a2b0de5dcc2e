#include "agent/process/present.h"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>

namespace tracelet::process {

std::vector<uint32_t> PresentProcesses() {
  std::vector<uint32_t> all;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", failed)) {
    const std::string name = entry.path().filename().string();
    uint32_t tgid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), tgid);
    if (error == std::errc() && end == name.data() + name.size()) all.push_back(tgid);
  }
  return all;
}

std::string ExecutableOf(uint32_t tgid) {
  std::error_code failed;
  return std::filesystem::read_symlink("/proc/" + std::to_string(tgid) + "/exe", failed).string();
}

bool IsGone(uint32_t tgid) { return kill(static_cast<pid_t>(tgid), 0) != 0 && errno == ESRCH; }

}  // namespace tracelet::process
