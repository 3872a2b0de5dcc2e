// What the programs cost, by samples: for half a second of each period the kernel
// counts their runs and their time, which itself costs 25-80 ns per run (DESIGN §4);
// for the rest nothing is counted and nothing is paid. Needs 5.8 (BPF_ENABLE_STATS).
// One thread, BpfSource's.
#pragma once

#include <cstdint>
#include <vector>

#include "agent/base/unique_fd.h"
#include "agent/source/bpf_programs.h"

namespace tracelet::source {

class BpfCosts {
 public:
  static constexpr uint64_t kSampleNs = 500'000'000;

  // One sample per period; 0: none. `programs` must outlive this.
  BpfCosts(const BpfPrograms& programs, uint32_t period_s) : programs_(programs), period_s_(period_s) {}

  // Begins and ends samples; called a few times a second at least.
  void OnTime(uint64_t monotonic_ns);

  // Runs and time of each program within the samples, and how long these were.
  [[nodiscard]] const std::vector<ProgramRuns>& programs() const { return sampled_; }
  [[nodiscard]] uint64_t sampled_ns() const { return sampled_ns_; }

 private:
  void End(uint64_t monotonic_ns);

  const BpfPrograms& programs_;
  uint32_t period_s_;
  UniqueFd counting_;  // the kernel counts while it is open
  std::vector<ProgramRuns> before_;
  std::vector<ProgramRuns> sampled_;
  uint64_t began_ns_ = 0;
  uint64_t next_ns_ = 0;
  uint64_t sampled_ns_ = 0;
};

}  // namespace tracelet::source
