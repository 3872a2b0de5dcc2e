// BpfSource: the kernel as an EventSource. Puts together the loaded programs, the
// merge of their rings, the selector and /proc.
//
// One thread.
#pragma once

#include <cstdint>
#include <memory>

#include "agent/base/result.h"
#include "agent/base/unique_fd.h"
#include "agent/source/bpf_connections.h"
#include "agent/source/bpf_costs.h"
#include "agent/source/bpf_goroutines.h"
#include "agent/source/bpf_probes.h"
#include "agent/source/bpf_programs.h"
#include "agent/source/bpf_tls.h"
#include "agent/source/event_source.h"
#include "agent/source/process_gate.h"
#include "agent/source/ring_reader.h"
#include "config/config.h"

namespace tracelet::source {

class BpfSource : public EventSource {
 public:
  // Capture is live when it returns. The calling process is never traced. An error
  // is a sentence with its remedy. `wanted`: process::Selector::Make.
  static Result<std::unique_ptr<BpfSource>> Start(const config::Source& settings, const config::Selector& selector,
                                                  process::Selector::Wanted wanted = {});
  ~BpfSource() override = default;

  // The thread that calls it first gets the priority that the settings say.
  Result<bool> Poll(EventSink& sink, std::chrono::milliseconds timeout) override;
  void Ignore(const conn_id& conn, bool encrypted) override { connections_.Ignore(conn, encrypted); }
  void Stop() override;
  [[nodiscard]] KernelLedger Ledger() const override;

  // What else is loaded when the first program needs it (BpfLatePrograms).
  Status LoadLate();

  // BpfPrograms::SenderOf. Any thread.
  [[nodiscard]] uint32_t SenderOf(uint64_t netns, uint16_t port, uint64_t received_ns) const {
    return programs_->SenderOf(netns, port, received_ns);
  }
  [[nodiscard]] const BpfCosts& costs() const { return costs_; }
  [[nodiscard]] TlsLedger tls() const { return tls_->ledger(); }
  // Events that came out after a watermark had said they could not (see RingReader).
  [[nodiscard]] uint64_t late() const { return reader_.late(); }

 private:
  BpfSource(const config::Source& settings, process::Selector selector, std::unique_ptr<BpfPrograms> programs,
            std::vector<RingMemory> memory, UniqueFd epoll);

  void ProbeFor(const event_header& event);
  void Wait(std::chrono::milliseconds timeout);
  void DoTimers(EventSink& sink, uint64_t now_ns);
  [[nodiscard]] bool Drained();

  std::chrono::milliseconds drain_interval_;
  uint32_t priority_;
  std::unique_ptr<BpfPrograms> programs_;
  std::unique_ptr<BpfProbes> probes_;          // never null
  std::unique_ptr<BpfGoroutines> goroutines_;  // never null
  std::unique_ptr<BpfTls> tls_;                // never null
  UniqueFd epoll_;
  RingReader reader_;
  BpfConnections connections_;
  ProcessGate gate_;
  BpfCosts costs_;
  uint64_t next_clock_ns_ = 0;
  uint64_t next_sweep_ns_ = 0;
  uint64_t give_up_ns_ = 0;  // after Stop()
  bool stopped_ = false;
};

}  // namespace tracelet::source
