// ConnSweep: which entries of the programs' table `conns` nobody will use again.
// The programs keep a dying TCP connection for what is still read or returns late, and
// nothing tells that the last of it has; nor that a Unix socket was closed.
// Judges one entry at a time, so that the caller bounds the work of each step. A
// *pass* is one walk over the whole table. Pure; one thread.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "bpf/state.h"

namespace tracelet::source {

class ConnSweep {
 public:
  static constexpr uint64_t kDyingNs = 10'000'000'000;     // unchanged for so long after TCP CLOSE
  static constexpr uint64_t kIdleUnixNs = 60'000'000'000;  // without a byte, when the table is crowded

  // True when the entry is to be deleted. `crowded`: the table is above half full.
  bool Expired(uint64_t name, const conn_state& state, uint64_t now_ns, bool crowded);
  // Forgets what this pass has not met.
  void EndPass();
  // The last pass met entries that the next one may expire.
  [[nodiscard]] bool watching() const { return !seen_.empty(); }

 private:
  struct Seen {
    uint64_t fingerprint = 0;
    uint64_t since_ns = 0;
    uint64_t pass = 0;
  };

  std::unordered_map<uint64_t, Seen> seen_;  // by name; at most one per entry of the table
  uint64_t pass_ = 1;
};

}  // namespace tracelet::source
