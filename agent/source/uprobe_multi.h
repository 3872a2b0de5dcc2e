// Uprobes at many places of a file by one link, which takes them away at once (Linux 6.6 and newer). A link for each
// place takes 0.1 s to take away on 6.18, because the kernel waits for everybody to have left it. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/base/unique_fd.h"

struct bpf_program;

namespace tracelet::source {

struct UprobePlaces {
  std::vector<uint64_t> offsets;  // in the file
  std::vector<uint64_t> cookies;  // what the program is told of each place
  bool returns = false;           // where the functions return
};

// Can this kernel do it?
bool HasUprobeMulti();
// Before it is loaded; then it can be attached in no other way.
void MakeUprobeMulti(bpf_program* program);
// In all processes, until the descriptor is closed.
Result<UniqueFd> AttachUprobes(const bpf_program* program, const std::string& path, const UprobePlaces& places);

}  // namespace tracelet::source
