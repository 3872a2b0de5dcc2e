// Processes that run now, as /proc has them. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tracelet::process {

// The numbers of all of them.
std::vector<uint32_t> PresentProcesses();

// Path of its executable as it sees it; empty when it is gone, or of the kernel.
std::string ExecutableOf(uint32_t tgid);

struct MappedFile {
  std::string name;  // as the process calls it
  std::string path;  // by which this process can open it
};
// Files that it has mapped to be executed, each name once. Also such as were deleted since.
std::vector<MappedFile> MappedFiles(uint32_t tgid);

// For those whose exit was not seen: kill(2) with signal 0.
bool IsGone(uint32_t tgid);

}  // namespace tracelet::process
