// BpfConnections: the programs' table of connections as user space changes it:
// marks what carries nothing of interest, and frees what nobody will use again.
// One thread.
//
// Entries are changed in their place, in memory that the programs use at the same time. Of what
// a program does in that very moment to an entry that is freed, the next operation shows as a gap;
// a mark that it writes over is lost, and what is of no interest is reported on.
#pragma once

#include <cstdint>

#include "agent/source/conn_sweep.h"
#include "bpf/state.h"

namespace tracelet::source {

class BpfConnections {
 public:
  // `map_fd`, of the map `conns`, is borrowed; it was sized for `capacity` connections.
  BpfConnections(int map_fd, uint32_t capacity);

  void Ignore(const conn_id& conn, bool encrypted);

  // A step of bounded work (kStep places), to be called about every kStepNs.
  static constexpr uint32_t kStep = 1'024;
  static constexpr uint64_t kStepNs = 250'000'000;
  void Sweep(uint64_t now_ns);

  // As many connections as that find a place with hardly an exception: the table is a power of 2.
  static uint32_t Bits(uint32_t capacity);

  [[nodiscard]] uint64_t swept() const { return swept_; }  // entries freed

 private:
  // Passes begin no more often; a table in which nothing waits to go is looked at less, because a look
  // at empty places costs as much as one at full ones.
  static constexpr uint64_t kPassNs = 10'000'000'000;
  static constexpr uint64_t kQuietPassNs = 60'000'000'000;

  int map_fd_;
  uint32_t bits_;
  ConnSweep sweep_;
  uint32_t cursor_ = 0;   // the next place of a pass; 0: it has not begun
  bool crowded_ = false;  // more than half full, by the last pass
  uint64_t next_pass_ns_ = 0;
  uint64_t met_ = 0;  // entries of this pass
  uint64_t swept_ = 0;
};

}  // namespace tracelet::source
