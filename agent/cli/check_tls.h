// `tracelet check`, second part: what is seen of the encrypted requests of each process that
// runs, and why not the rest. Read from /proc and from the files that processes have mapped.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tracelet::cli {

struct ProcessTls {
  uint32_t pid = 0;
  std::string name;
  bool seen = false;
  std::string what;  // "libssl.so.3", or why nothing is seen
};

// In order of pid, without those in which no TLS was found. `others` counts these.
std::vector<ProcessTls> CheckProcesses(size_t& others);
std::string RenderProcesses(const std::vector<ProcessTls>& processes, size_t others);

}  // namespace tracelet::cli
