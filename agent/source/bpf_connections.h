// BpfConnections: the programs' table of connections as user space changes it:
// marks what carries nothing of interest, and deletes what nobody will use again.
// One thread.
//
// Every change is made only when the entry still is the one that was judged. What
// is left is the moment between the look and the change: a program that runs just
// then may write to the old entry, and the next operation shows as a gap.
#pragma once

#include <cstdint>
#include <vector>

#include "agent/source/conn_sweep.h"
#include "bpf/state.h"

namespace tracelet::source {

class BpfConnections {
 public:
  // `map_fd` is borrowed; `capacity` is the map's max_entries.
  BpfConnections(int map_fd, uint32_t capacity);

  void Ignore(const conn_id& conn, bool encrypted);

  // A step of bounded work (kStep entries), to be called about every kStepNs.
  static constexpr uint32_t kStep = 1'024;
  static constexpr uint64_t kStepNs = 250'000'000;
  void Sweep(uint64_t now_ns);

  [[nodiscard]] uint64_t swept() const { return swept_; }  // entries deleted

 private:
  // Passes begin no more often; a table in which nothing waits to go is looked at less, because a look
  // at the map's empty buckets costs as much as one at full ones.
  static constexpr uint64_t kPassNs = 10'000'000'000;
  static constexpr uint64_t kQuietPassNs = 60'000'000'000;

  void Judge(const conn_key& key, const conn_state& state, uint64_t now_ns);

  int map_fd_;
  uint32_t capacity_;
  ConnSweep sweep_;
  std::vector<conn_key> keys_;
  std::vector<conn_state> states_;
  uint64_t cursor_ = 0;  // the kernel's, inside a pass
  bool in_pass_ = false;
  bool crowded_ = false;  // more than half full, by the last pass
  uint64_t next_pass_ns_ = 0;
  uint64_t met_ = 0;  // entries of this pass
  uint64_t swept_ = 0;
};

}  // namespace tracelet::source
