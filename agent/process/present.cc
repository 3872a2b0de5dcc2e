#include "agent/process/present.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>

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

// proc(5): "START-END r-xp OFFSET DEVICE INODE   PATH", of a mapping that is executed. netty unpacks its library, maps
// and deletes it: then only the mapping itself leads to the file.
std::vector<MappedFile> MappedFiles(uint32_t tgid) {
  constexpr std::string_view kDeleted = " (deleted)";
  const std::string proc = "/proc/" + std::to_string(tgid);
  std::vector<MappedFile> files;
  std::ifstream maps(proc + "/maps");
  for (std::string line; std::getline(maps, line);) {
    const size_t slash = line.find('/');
    const size_t rights = line.find(' ');
    if (slash == std::string::npos || rights + 3 > slash || line[rights + 3] != 'x') continue;
    std::string name = line.substr(slash);
    std::string path = proc + "/root" + name;
    if (name.ends_with(kDeleted)) {
      name.resize(name.size() - kDeleted.size());
      path = proc + "/map_files/" + line.substr(0, rights);
    }
    if (std::ranges::find(files, name, &MappedFile::name) == files.end())
      files.push_back({std::move(name), std::move(path)});
  }
  return files;
}

bool IsGone(uint32_t tgid) { return kill(static_cast<pid_t>(tgid), 0) != 0 && errno == ESRCH; }

}  // namespace tracelet::process
