// ProcessGate: which events reach the sink, and who they are from. Introduces a
// process (EventSink::OnProcess) before its first event that concerns a
// connection. An exec is looked up at once, because a short-lived process may be
// gone a moment later, but only so many each second: a host that builds software
// starts thousands which never have a connection.
// One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>

#include "agent/process/process_info.h"
#include "agent/process/selector.h"
#include "agent/source/event_source.h"

namespace tracelet::source {

class ProcessGate {
 public:
  struct Hooks {
    // Who a process is; `exec` is the latest one seen, or null.
    std::function<process::ProcessInfo(process::ProcessKey key, const event_exec* exec)> read;
    // Adds what is known of its runtime when it is introduced: not at its exec, when its libraries are not mapped yet.
    std::function<void(process::ProcessInfo& info)> understand;
    // Tells the programs what was judged.
    std::function<void(uint32_t tgid, verdict judged)> judge;
  };

  static constexpr uint32_t kLooksPerSecond = 100;

  // Remembers up to `max_processes`; beyond that it forgets all of them and
  // introduces those that still say something once more.
  ProcessGate(process::Selector selector, size_t max_processes, Hooks hooks);

  void OnEvent(const event_header& event, EventSink& sink);

  [[nodiscard]] uint64_t not_selected() const { return not_selected_; }
  [[nodiscard]] uint64_t without_connection() const { return without_connection_; }

 private:
  bool Introduce(process::ProcessInfo info, EventSink& sink);
  void OnExec(process::ProcessKey key, const event_exec& exec, EventSink& sink);
  void OnExit(process::ProcessKey key, const event_header& event, EventSink& sink);
  bool IntroduceFor(process::ProcessKey key, const event_header& event, EventSink& sink);
  bool MayLook(uint64_t now_ns);

  process::Selector selector_;
  size_t max_processes_;
  Hooks hooks_;
  std::unordered_map<process::ProcessKey, bool> selected_;  // by introduced process
  // What is known of processes that are not introduced yet. Bounded: /proc knows as
  // much about a process as long as it lives.
  struct Pending {
    event_exec exec{};
    std::optional<process::ProcessInfo> info;
  };
  std::unordered_map<process::ProcessKey, Pending> pending_;
  uint64_t look_window_ns_ = 0;  // start of the current second
  uint32_t looks_ = 0;           // into /proc, at execs of this second
  uint64_t not_selected_ = 0;
  uint64_t without_connection_ = 0;
};

}  // namespace tracelet::source
