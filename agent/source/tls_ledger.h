// What became of probes on TLS libraries.
#pragma once

#include <cstdint>

namespace tracelet::source {

struct TlsLedger {
  uint64_t files = 0;             // that have probes now
  uint64_t trap_ns = 0;           // what a probe costs before its program runs; 0: none was set yet
  uint64_t detached_costs = 0;    // files whose probes cost too much
  uint64_t detached_crashes = 0;  // files of a process that died soon after they were probed
};

}  // namespace tracelet::source
