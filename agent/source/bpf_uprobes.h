// Probes at places of one file, in all processes, until this goes. One link for all places of a program where the
// kernel can (uprobe_multi.h), else one for each. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/base/unique_fd.h"
#include "agent/source/bpf_uprobe_link.h"

struct bpf_program;

namespace tracelet::source {

class Uprobes {
 public:
  // `at_once`: MakeUprobeMulti() was called for the program. After an error the places before it may be probed.
  Result<bool> Add(const bpf_program* program, const std::string& path, const std::vector<uint64_t>& offsets,
                   bool at_once);
  [[nodiscard]] bool empty() const { return links_.empty() && at_once_.empty(); }

 private:
  UprobeLinks links_;
  std::vector<UniqueFd> at_once_;
};

}  // namespace tracelet::source
