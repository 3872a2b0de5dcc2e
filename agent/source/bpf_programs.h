// BpfPrograms: the kernel side, loaded: programs, maps, rings. Owns everything that
// libbpf hands out; when it is destroyed, or its process is killed, nothing stays
// attached and nothing is pinned. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "agent/base/result.h"
#include "agent/base/unique_fd.h"
#include "agent/process/selector.h"
#include "agent/source/bpf_kernel_types.h"
#include "agent/source/bpf_late_programs.h"
#include "agent/source/program_runs.h"
#include "bpf/state.h"
#include "config/config.h"

struct tracelet_bpf;  // the skeleton, generated from bpf/*.bpf.c

namespace tracelet::source {

class BpfPrograms {
 public:
  // Loads without attaching: nothing runs yet. An error says what is missing on
  // this host and what to do about it.
  static Result<std::unique_ptr<BpfPrograms>> Load(const config::Source& settings, const process::KernelFilter& filter);
  ~BpfPrograms();
  BpfPrograms(const BpfPrograms&) = delete;

  Status Attach();
  // When it returns no program runs any more, and none will.
  void Detach();

  [[nodiscard]] const std::vector<UniqueFd>& rings() const { return rings_; }
  [[nodiscard]] int connections_fd() const;
  // Which process sent the datagram that came from this port of the network namespace at about
  // `received_ns` (CLOCK_MONOTONIC) to one of settings.sdk_ports; 0: not known. Any thread.
  [[nodiscard]] uint32_t SenderOf(uint64_t netns, uint16_t port, uint64_t received_ns) const;
  void SetVerdict(uint32_t tgid, verdict judged);
  // In an order that stays; late programs come at its end.
  [[nodiscard]] std::vector<ProgramRuns> Runs() const;
  // The kernel counts runs of all programs of this host while this is open; closed when it cannot.
  static UniqueFd CountRuns();
  // To attach what is not attached by Attach(): BpfProbes.
  [[nodiscard]] tracelet_bpf& skeleton() { return *skeleton_; }
  // The programs of BpfTls and BpfGoroutines.
  [[nodiscard]] BpfLatePrograms& late() { return *late_; }
  // Sum over all CPUs.
  [[nodiscard]] ledger Totals() const;

 private:
  struct Destroy {
    void operator()(tracelet_bpf* skeleton) const;
  };

  BpfPrograms() = default;
  Status Configure(const config::Source& settings, const process::KernelFilter& filter);
  Status MakeRings(const config::Source& settings);
  Status Fill(const process::KernelFilter& filter);

  BpfKernelTypes kernel_types_;
  std::unique_ptr<tracelet_bpf, Destroy> skeleton_;
  std::optional<BpfLatePrograms> late_;  // once it is loaded
  std::vector<UniqueFd> rings_;
  uint32_t ring_slots_ = 0;  // one per group of CPUs that are possible; groups may share a ring
};

}  // namespace tracelet::source
