// BpfPython: the processes that run CPython. Probes what makes contexts in each file of it
// (agent/runtime/python.h), then tells the programs where they find a thread's context.
// A process that is forked inherits that in the kernel, and is not known here: so a file stays
// probed when the process that it was probed for is gone.
//
// One thread. At most BpfFiles::kMaxFiles files; processes of further ones are refused.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "agent/base/result.h"
#include "agent/runtime/python.h"
#include "agent/source/bpf_files.h"
#include "agent/source/bpf_late_programs.h"

struct tracelet_bpf;

namespace tracelet::source {

class BpfPython {
 public:
  // `skeleton` is loaded; both must outlive it.
  BpfPython(tracelet_bpf& skeleton, BpfLatePrograms& late);
  // Before the late programs are loaded: how they will be attached.
  static void Choose(tracelet_bpf& late);

  // A process that is traced and may run it. `exec_ns`: what it lacks now it may map later; 0: it
  // is there for long.
  void OnProcess(uint32_t tgid, uint64_t exec_ns);
  // It has mapped a library.
  void OnMapped(uint32_t tgid);
  void OnExit(uint32_t tgid);
  // Looks again at those that lacked something; now and then for those whose exit was not seen.
  void OnTime(uint64_t now_ns);
  void Detach();

  // It is a Python, and what its threads work for is not known.
  [[nodiscard]] bool Refused(uint32_t tgid) const;

 private:
  struct Process {
    bool probed = false;
    uint64_t retry_until_ns = 0;
  };

  // False, with the reason logged, when it cannot be understood. Again: it may be later.
  bool Probe(uint32_t tgid, bool again);
  Status Attach(const runtime::PythonFile& file);
  void ProbeModules(uint32_t tgid);
  void ProbeCallbacks(const std::string& proc);
  Status Enter(uint32_t tgid, const runtime::PythonProcess& python);

  tracelet_bpf& skeleton_;
  BpfLatePrograms& late_;
  BpfFiles files_;
  BpfFiles with_uvloop_;                             // of these files, and probed at one place more
  std::unordered_map<uint32_t, Process> processes_;  // by tgid
  size_t waiting_ = 0;                               // of these, may be probed later
  uint32_t generation_ = 0;
  uint64_t next_look_ns_ = 0;
};

}  // namespace tracelet::source
