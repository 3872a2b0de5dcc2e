// One uprobe: a program at one place of a file, in all processes, until the link goes. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/result.h"

struct bpf_link;
struct bpf_program;

namespace tracelet::source {

struct Unlink {
  void operator()(bpf_link* link) const;
};
using UprobeLink = std::unique_ptr<bpf_link, Unlink>;
using UprobeLinks = std::vector<UprobeLink>;

// At a function's entry, or at its return. The program is told the cookie, or 0 before Linux 5.15.
Result<UprobeLink> AttachUprobe(const bpf_program* program, bool at_return, const std::string& path, uint64_t offset,
                                uint64_t cookie = 0);

}  // namespace tracelet::source
