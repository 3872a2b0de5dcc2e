// How often one program of ours ran and how long in all, as far as the kernel counted.
#pragma once

#include <cstdint>
#include <string>

namespace tracelet::source {

struct ProgramRuns {
  std::string name;
  uint64_t runs = 0;
  uint64_t ns = 0;
};

}  // namespace tracelet::source
