#include "agent/process/selector.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

#include "agent/process/container_id.h"

namespace tracelet::process {
namespace {

bool IsAtOrBelow(std::string_view path, std::string_view root) {
  if (root == "/") return true;
  return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
}

// The path of a cgroup v1 directory inside its hierarchy. proc(5), mountinfo: field
// 4 is the root of the mount inside the file system, field 5 the mount point.
std::string PathInHierarchy(const std::string& directory, const std::string& proc_root) {
  std::ifstream mounts(proc_root + "/self/mountinfo");
  std::string line, best_point, best_root;
  while (std::getline(mounts, line)) {
    std::istringstream fields(line);
    std::string skipped, root, point;
    fields >> skipped >> skipped >> skipped >> root >> point;
    if (line.find(" - cgroup ") == std::string::npos || !IsAtOrBelow(directory, point)) continue;
    if (point.size() >= best_point.size()) best_point = point, best_root = root;
  }
  if (best_point.empty()) return {};
  const std::string path = (best_root == "/" ? "" : best_root) + directory.substr(best_point.size());
  return path.empty() ? "/" : path;
}

Status ResolveCgroup(const std::string& given, const std::string& proc_root, std::string& v2, std::string& v1) {
  std::error_code code;
  const std::string directory = std::filesystem::canonical(given, code).string();
  if (code) return Error{"cgroup " + given + ": " + code.message()};
  struct statfs fs {};
  if (statfs(directory.c_str(), &fs) != 0) return SystemError("cgroup " + given);
  if (fs.f_type == CGROUP2_SUPER_MAGIC) {
    v2 = directory;
    return Ok();
  }
  if (fs.f_type == CGROUP_SUPER_MAGIC) v1 = PathInHierarchy(directory, proc_root);
  if (v1.empty()) return Error{given + " is not a cgroup directory"};
  return Ok();
}

std::string OwnCgroup(const std::string& proc_root) {
  std::ostringstream text;
  text << std::ifstream(proc_root + "/self/cgroup").rdbuf();
  return ParseCgroups(text.str()).path;
}

std::vector<uint32_t> ChildrenOf(uint32_t pid, const std::string& proc_root) {
  std::vector<uint32_t> children;
  std::error_code code;
  const std::filesystem::directory_iterator tasks(proc_root + "/" + std::to_string(pid) + "/task", code);
  for (const auto& task : tasks) {
    std::ifstream file(task.path() / "children");
    for (uint32_t child; file >> child;) children.push_back(child);
  }
  return children;
}

}  // namespace

Result<Selector> Selector::Make(const config::Selector& settings, std::string proc_root, Wanted wanted) {
  Selector selector;
  selector.proc_root_ = std::move(proc_root);
  selector.wanted_ = std::move(wanted);
  selector.scope_ = settings.scope;
  if (settings.scope == "node") selector.scope_ = KubeletRoot(OwnCgroup(selector.proc_root_));
  selector.pids_ = settings.pids;
  selector.exes_ = settings.exes;
  selector.ports_ = settings.ports;
  selector.tree_ = settings.tree;
  if (settings.ports.size() > MAX_PORTS) {
    return Error{"at most " + std::to_string(MAX_PORTS) + " ports can be selected"};
  }
  std::vector<uint32_t> named = settings.pids;
  if (settings.tree != 0) named.push_back(settings.tree);
  if (!selector.scope_.empty() && selector.scope_[0] != '/') {
    return Error{"the scope " + settings.scope + " is neither a path of /proc/PID/cgroup nor \"node\""};
  }
  for (uint32_t pid : named) {
    struct stat status {};
    if (stat((selector.proc_root_ + "/" + std::to_string(pid)).c_str(), &status) != 0) {
      return Error{"there is no process " + std::to_string(pid)};
    }
  }
  if (!settings.netns.empty()) {
    struct stat status {};
    if (stat(settings.netns.c_str(), &status) != 0) return SystemError("network namespace " + settings.netns);
    selector.netns_ = static_cast<uint32_t>(status.st_ino);
  }
  if (!settings.cgroup.empty()) {
    Status resolved = ResolveCgroup(settings.cgroup, selector.proc_root_, selector.cgroup_v2_, selector.cgroup_v1_);
    if (!resolved) return resolved.error();
  }
  return selector;
}

bool Selector::Selects(const ProcessInfo& info) const {
  if (!pids_.empty() && std::find(pids_.begin(), pids_.end(), info.key.tgid) == pids_.end()) return false;
  const auto matches = [&](const std::string& glob) { return fnmatch(glob.c_str(), info.exe.c_str(), 0) == 0; };
  if (!exes_.empty() && std::none_of(exes_.begin(), exes_.end(), matches)) return false;
  if (!scope_.empty() && !IsAtOrBelow(info.cgroup, scope_)) return false;
  if (wanted_ && !wanted_(info)) return false;
  if (cgroup_v1_.empty()) return true;
  std::ifstream file(proc_root_ + "/" + std::to_string(info.key.tgid) + "/cgroup");
  for (std::string line; std::getline(file, line);) {  // hierarchy:controllers:path, cgroups(7)
    const size_t second = line.find(':', line.find(':') + 1);
    if (line.starts_with("0::") || second == std::string::npos) continue;
    if (IsAtOrBelow(std::string_view(line).substr(second + 1), cgroup_v1_)) return true;
  }
  return false;
}

Result<KernelFilter> Selector::MakeKernelFilter() const {
  KernelFilter filter;
  filter.netns = netns_;
  filter.ports = ports_;
  filter.judged = JudgesProcesses();
  if (!cgroup_v2_.empty()) {
    filter.cgroup.Reset(open(cgroup_v2_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!filter.cgroup) return SystemError("cgroup " + cgroup_v2_);
  }
  if (tree_ != 0) {
    filter.processes.emplace_back(tree_, VERDICT_TRACE_TREE);
  } else {
    for (uint32_t pid : pids_) filter.processes.emplace_back(pid, VERDICT_TRACE);
  }
  if (!filter.processes.empty()) filter.default_verdict = VERDICT_IGNORE;
  return filter;
}

std::vector<uint32_t> Selector::TreeMembers() const {
  std::vector<uint32_t> members;
  if (tree_ == 0) return members;
  members = ChildrenOf(tree_, proc_root_);
  for (size_t i = 0; i < members.size(); ++i) {
    for (uint32_t child : ChildrenOf(members[i], proc_root_)) members.push_back(child);
  }
  return members;
}

}  // namespace tracelet::process
