// Functions of a Go program that take values from channels or wait for conditions: a goroutine in
// whose call chain one of them is may do the work of whoever gave it. What a goroutine that has
// never had to wait does is told by this alone (bpf/go_takers.h). Any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "agent/base/result.h"
#include "agent/runtime/go_file.h"

namespace tracelet::runtime {

struct CodeRange {
  uint64_t begin = 0;  // as linked
  uint64_t end = 0;
};

// In order. Those that take themselves, and those that call one of them directly. A receive
// whose value nobody wants (`<-done`) is none. net/http's own, its HTTP/2's and the runtime's are left out.
Result<std::vector<CodeRange>> FindTakers(const GoFile& file);

}  // namespace tracelet::runtime
