// BpfGoroutines: uprobes on Go programs, which the goroutine rule needs. One set for each file
// (device, inode), as long as a process runs it and for a while after; then a process that starts later is probed from
// its first instruction on. Entry probes, and one on each return of runtime.newproc1; never a uretprobe; nothing is
// written into a process.
//
// One thread. At most kMaxFiles files and kMaxProcesses processes; further ones are refused.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/base/result.h"
#include "agent/runtime/goroutines.h"
#include "agent/source/bpf_late_programs.h"
#include "agent/source/bpf_uprobes.h"

struct tracelet_bpf;

namespace tracelet::source {

class BpfGoroutines {
 public:
  static constexpr size_t kMaxFiles = GO_FILES;
  static constexpr size_t kMaxTakerWords = 1U << 20;  // of 2 KiB of code each
  static constexpr size_t kMaxOthers = 8'192;         // files that are known to be no Go programs

  // Which processes are traced, by number and executable.
  using Wanted = std::function<bool(uint32_t tgid, const std::string& exe)>;

  // Before the late programs are loaded: how they will be attached.
  static void Choose(tracelet_bpf& late);
  // `skeleton` is loaded, and both must outlive it.
  BpfGoroutines(tracelet_bpf& skeleton, BpfLatePrograms& late, Wanted wanted)
      : skeleton_(skeleton), late_(late), wanted_(std::move(wanted)) {}

  // Processes that are there already.
  void AddPresent();
  void OnExec(uint32_t tgid, const std::string& exe);
  void OnExit(uint32_t tgid);
  // Now and then: processes whose exit was not seen.
  void OnTime(uint64_t now_ns);
  void Detach();

  // A Go program whose goroutines cannot be followed.
  [[nodiscard]] bool Refused(uint32_t tgid) const;

 private:
  using FileId = std::pair<dev_t, ino_t>;
  struct File {
    Uprobes probes;  // none: it is refused
    go_program program = {};
    size_t users = 0;
    uint64_t unused_since_ns = 0;
  };

  struct Process {
    FileId file;
    bool followed = false;
  };

  void Add(uint32_t tgid);
  Result<bool> Follow(const std::string& path, const File& file, uint32_t tgid);
  // Null when it is no Go program.
  File* FileOf(const std::string& path, const FileId& id, uint32_t tgid);
  Result<Uprobes> Attach(const std::string& path, const std::vector<runtime::GoProbe>& probes);
  Status TellTakers(uint32_t file, const std::vector<runtime::CodeRange>& takers);
  // For go_program.file: fewer than kMaxFiles are in use.
  [[nodiscard]] uint32_t UnusedNumber() const;
  void Changed();

  tracelet_bpf& skeleton_;
  BpfLatePrograms& late_;
  const Wanted wanted_;
  std::map<FileId, File> files_;
  std::unordered_map<uint32_t, Process> processes_;  // of Go programs, by tgid
  std::set<FileId> others_;
  size_t followed_ = 0;  // processes that the programs know
  uint32_t version_ = 0;
  uint64_t next_look_ns_ = 0;
};

}  // namespace tracelet::source
