// Selector: config::Selector as decisions. What the programs can decide by
// themselves (netns, cgroup v2, ports, single pids, process trees) is a KernelFilter:
// an early exit before anything is copied. The rest (globs of executables, cgroup
// v1 paths) is judged here, once per process and once per exec; an unknown process
// is traced until it is judged.
//
// Immutable after Make(); any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/result.h"
#include "agent/base/unique_fd.h"
#include "agent/process/process_info.h"
#include "bpf/state.h"
#include "config/config.h"

namespace tracelet::process {

struct KernelFilter {
  uint32_t netns = 0;  // inode number; 0: all
  UniqueFd cgroup;     // a cgroup v2 directory; empty: all
  std::vector<uint16_t> ports;
  std::vector<std::pair<uint32_t, verdict>> processes;  // by tgid
  verdict default_verdict = VERDICT_TRACE;
  bool judged = false;  // user space will add verdicts of its own
};

class Selector {
 public:
  // One more condition, of somebody who knows more of a process than /proc; may be empty.
  using Wanted = std::function<bool(const ProcessInfo& info)>;

  // Fails with a sentence for the user: no such process, no such file, too many ports.
  static Result<Selector> Make(const config::Selector& settings, std::string proc_root = "/proc", Wanted wanted = {});

  // True when user space has a say, so that Selects() must be asked.
  [[nodiscard]] bool JudgesProcesses() const {
    return !exes_.empty() || !pids_.empty() || !cgroup_v1_.empty() || !scope_.empty() || wanted_;
  }
  // For cgroup v1 reads /proc/PID/cgroup: a process that is gone is not selected.
  [[nodiscard]] bool Selects(const ProcessInfo& info) const;

  // Opens the cgroup directory anew; the caller owns it.
  [[nodiscard]] Result<KernelFilter> MakeKernelFilter() const;

  // All descendants of the tree's root that run now; empty without a tree.
  [[nodiscard]] std::vector<uint32_t> TreeMembers() const;

 private:
  Selector() = default;

  std::vector<uint32_t> pids_;
  std::vector<std::string> exes_;
  std::vector<uint16_t> ports_;
  uint32_t tree_ = 0;
  uint32_t netns_ = 0;
  std::string cgroup_v2_;  // directory
  std::string cgroup_v1_;  // path inside its hierarchy, as in /proc/PID/cgroup
  std::string scope_;      // the same, for what info.cgroup says
  Wanted wanted_;
  std::string proc_root_;
};

}  // namespace tracelet::process
