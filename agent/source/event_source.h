// Where events come from (the kernel, a recording), and where they go. This is
// the seam: everything right of it is a pure function of the calls made on
// EventSink, in their order, and never looks at a clock, /proc or a socket.
#pragma once

#include <chrono>
#include <cstdint>

#include "agent/base/result.h"
#include "agent/process/process_info.h"
#include "bpf/events.h"

namespace tracelet::source {

// The two clocks read together. realtime = monotonic + their difference at the
// latest pair: sampled again and again, because NTP steps and suspends.
struct ClockPair {
  uint64_t monotonic_ns = 0;
  uint64_t realtime_ns = 0;
};

// Called by one thread, the one that calls EventSource::Poll().
class EventSink {
 public:
  virtual ~EventSink() = default;

  // First call of all, then every few seconds.
  virtual void OnClock(const ClockPair& pair) = 0;

  // Before the first event of a process, and again after an exec changed it.
  virtual void OnProcess(const process::ProcessInfo& info) = 0;

  // In order of time. `event` has header.size bytes and lives during the call;
  // header.size was checked against its kind, `captured` against header.size.
  virtual void OnEvent(const event_header& event) = 0;

  // Every event stamped at or before this time was delivered. Timers run on it.
  virtual void OnWatermark(uint64_t monotonic_ns) = 0;
};

// Once the source is stopped and drained, exactly:
//   attempted == consumed + ring_full
//   consumed == delivered to OnEvent + not_selected + without_connection + malformed
struct KernelLedger {
  uint64_t attempted = 0;  // records the programs wanted to submit
  uint64_t ring_full = 0;  // of these, lost because a ring was full
  uint64_t consumed = 0;   // of these, taken out of a ring

  uint64_t not_selected = 0;        // of processes that the selector refused in user space
  uint64_t without_connection = 0;  // execs and exits of processes that never had a connection
  uint64_t malformed = 0;

  // What was not tried, see struct ledger in bpf/state.h.
  uint64_t connections_full = 0;
  uint64_t threads_full = 0;
  uint64_t compat_tasks = 0;
  uint64_t unreadable = 0;
  uint64_t frames_lost = 0;
  uint64_t records_lost = 0;
};

class EventSource {
 public:
  virtual ~EventSource() = default;

  // Delivers what has happened, waiting up to `timeout` for something to happen.
  // False when there will be no more: end of file, or a stopped source drained.
  virtual Result<bool> Poll(EventSink& sink, std::chrono::milliseconds timeout) = 0;

  // This connection carries nothing of interest: stop copying its bytes; `encrypted`: its plaintext.
  virtual void Ignore(const conn_id& conn, bool encrypted) = 0;

  // Detaches from the kernel; Poll() then drains what is left and returns false.
  virtual void Stop() = 0;

  [[nodiscard]] virtual KernelLedger Ledger() const = 0;
};

}  // namespace tracelet::source
