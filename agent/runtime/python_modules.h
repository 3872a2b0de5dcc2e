// Libraries that CPython processes map, and where they are probed (bpf/python.h says what for):
//   _queue   SimpleQueue, by the table of its methods: it exports nothing
//   uvloop   UVStream, by the names that Cython gives; a stripped one is not found
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tracelet::runtime {

enum class PythonProgram : uint8_t {
  kBuffers,  // at the entry of UVStream.write, writelines
  kPuts,     // SimpleQueue.put, put_nowait
  kGot,      // at the return of SimpleQueue.get, get_nowait
};

struct PythonModule {
  std::string path;  // as this process can open it
  bool uvloop = false;
  std::vector<std::pair<PythonProgram, uint64_t>> places;
};

// Those that the process `proc` (a directory like /proc/17) has mapped.
std::vector<PythonModule> FindPythonModules(const std::string& proc);

}  // namespace tracelet::runtime
