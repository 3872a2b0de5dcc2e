// BpfProbes: uprobes on the event loops of nginx, Node and HAProxy, which the loop rule needs, and on
// CPython (BpfPython). Processes whose files cannot be probed are refused.
// nginx calls its probed function twice in each turn, and only the calls it makes need it:
// its file is probed when a process that runs it makes its first connection.
//
// One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>

#include "agent/runtime/loops.h"
#include "agent/source/bpf_files.h"
#include "agent/source/bpf_late_programs.h"
#include "agent/source/bpf_python.h"

struct tracelet_bpf;

namespace tracelet::source {

class BpfProbes {
 public:
  // Which processes are traced, by number and executable.
  using Wanted = std::function<bool(uint32_t tgid, const std::string& exe)>;

  // `skeleton` is loaded; both must outlive it.
  BpfProbes(tracelet_bpf& skeleton, BpfLatePrograms& late, Wanted wanted)
      : skeleton_(skeleton), late_(late), wanted_(std::move(wanted)), python_(skeleton, late) {}

  // Processes that are there already.
  void AddPresent();
  void OnExec(uint32_t tgid, const std::string& exe, uint64_t now_ns);
  void OnExit(uint32_t tgid);
  // The process has mapped a library.
  void OnMapped(uint32_t tgid);
  // The process has a connection that it did not accept, as far as is known.
  void OnCalls(uint32_t tgid);
  // A library is mapped some time after the exec: looks again at those that lacked one.
  // Now and then also for those whose exit was not seen.
  void OnTime(uint64_t now_ns);
  void Detach();

  // It runs a loop that should be understood, and could not be probed.
  [[nodiscard]] bool Refused(uint32_t tgid) const;

 private:
  struct Process {
    runtime::LoopKind kind = runtime::LoopKind::kNone;
    BpfFiles::Id file;
    bool probed = false;        // or can be
    bool calls_nobody = false;  // and is probed once it does
    uint64_t retry_until_ns = 0;
  };

  void Add(uint32_t tgid, const std::string& exe, uint64_t exec_ns);
  // False, with the reason logged, when it could not be probed. Again: it may be later.
  bool Probe(uint32_t tgid, Process& process, bool again);
  Result<BpfFiles::Id> Attach(const runtime::LoopProbes& probes);
  void Count();

  tracelet_bpf& skeleton_;
  BpfLatePrograms& late_;
  const Wanted wanted_;
  BpfPython python_;
  BpfFiles files_;
  std::unordered_map<uint32_t, Process> processes_;  // of a known kind, by tgid
  size_t waiting_ = 0;                               // of these, lack a library yet
  uint64_t next_look_ns_ = 0;
};

}  // namespace tracelet::source
