// What must be known of a Go program so that its goroutines tell whose request they work for
// (bpf/go.h): offsets in its runtime's structs, by its version, and the functions to probe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/runtime/go_file.h"
#include "agent/runtime/go_takers.h"
#include "bpf/state.h"

namespace tracelet::runtime {

// The programs of bpf/go.bpf.c.
enum class GoProgram : uint8_t {
  kStarted,
  kCall,
  kRoundTrip,
  kServesMany,
  kOneCall,
  kRpcMade,
  kRpcSent,
  kRpcServed,
  kHttp2Served
};

struct GoProbe {
  GoProgram program = GoProgram::kStarted;
  uint64_t offset = 0;  // in the file
};

struct GoProbes {
  go_program program = {};
  std::vector<GoProbe> probes;
  std::vector<CodeRange> takers;
};

// Where the fields lie in this version's structs; empty for versions that are not known.
std::optional<go_program> GoOffsets(const GoVersion& version);

// An error says why its goroutines cannot be followed.
Result<GoProbes> FindGoProbes(const GoFile& file);

}  // namespace tracelet::runtime
