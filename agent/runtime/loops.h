// What is known of the event loops of nginx, Node and HAProxy: which functions must be probed so
// that every cause of a call is known (bpf/loop.h says what the probes mean). A runtime
// that cannot be probed completely is refused: half of the probes make wrong links.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace tracelet::runtime {

enum class LoopKind : uint8_t { kNone, kNginx, kNode, kHaproxy };

// By the name of the executable alone; the symbols decide.
LoopKind LoopKindOf(std::string_view exe);

// The programs of bpf/loop.bpf.c.
enum class LoopProgram : uint8_t { kTimers, kPool, kTurn, kTurnAlone, kStreamMade, kApplet, kStreamRuns };

struct LoopProbe {
  LoopProgram program = LoopProgram::kTurn;
  uint64_t offset = 0;  // in `file`
};

struct LoopProbes {
  std::string file;               // that has the functions
  std::vector<LoopProbe> probes;  // in the order in which they must be attached
};

// Of the process `proc` (a directory like /proc/17). An error says what is missing.
Result<LoopProbes> FindLoopProbes(LoopKind kind, const std::string& proc);

// libuv's version, from the code of uv_version(): major << 16 | minor << 8 | patch; 0 when it is not readable.
uint32_t UvVersion(std::string_view code);

}  // namespace tracelet::runtime
