// BpfProbes: uprobes on the event loops of nginx and Node, which the loop rule needs. One
// set for each file (device, inode), whichever processes run it, as long as one does; then
// a process that starts later is probed from its first instruction on. Entry probes only;
// nothing is written into a process.
// nginx calls its probed function twice in each turn, and only the calls it makes need it:
// its file is probed when a process that runs it makes its first connection.
//
// One thread. At most kMaxFiles files; processes of further ones are refused.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/base/result.h"
#include "agent/runtime/loops.h"

struct tracelet_bpf;
struct bpf_link;

namespace tracelet::source {

class BpfProbes {
 public:
  static constexpr size_t kMaxFiles = 64;

  // Which processes are traced, by number and executable.
  using Wanted = std::function<bool(uint32_t tgid, const std::string& exe)>;

  // `skeleton` is loaded and must outlive it.
  BpfProbes(tracelet_bpf& skeleton, Wanted wanted) : skeleton_(skeleton), wanted_(std::move(wanted)) {}

  // Processes that are there already.
  void AddPresent();
  void OnExec(uint32_t tgid, const std::string& exe, uint64_t now_ns);
  void OnExit(uint32_t tgid);
  // The process has a connection that it did not accept, as far as is known.
  void OnCalls(uint32_t tgid);
  // A library is mapped some time after the exec: looks again at those that lacked one.
  // Now and then also for those whose exit was not seen.
  void OnTime(uint64_t now_ns);
  void Detach();

  // It runs a loop that should be understood, and could not be probed.
  [[nodiscard]] bool Refused(uint32_t tgid) const;

 private:
  struct Unlink {
    void operator()(bpf_link* link) const;
  };
  using Links = std::vector<std::unique_ptr<bpf_link, Unlink>>;
  using FileId = std::pair<dev_t, ino_t>;
  struct File {
    Links links;  // the one attached last comes last
    size_t users = 0;
  };
  struct Process {
    runtime::LoopKind kind = runtime::LoopKind::kNone;
    FileId file;
    bool probed = false;        // or can be
    bool calls_nobody = false;  // and is probed once it does
    uint64_t retry_until_ns = 0;
  };

  void Add(uint32_t tgid, runtime::LoopKind kind, uint64_t retry_until_ns);
  // False, with the reason logged, when it could not be probed. Again: it may be later.
  bool Probe(uint32_t tgid, Process& process, bool again);
  Result<Links> Attach(const runtime::LoopProbes& probes);
  void Count();

  tracelet_bpf& skeleton_;
  const Wanted wanted_;
  std::map<FileId, File> files_;
  std::unordered_map<uint32_t, Process> processes_;  // of a known kind, by tgid
  size_t waiting_ = 0;                               // of these, lack a library yet
  uint64_t next_look_ns_ = 0;
};

}  // namespace tracelet::source
