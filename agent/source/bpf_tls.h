// BpfTls: uprobes on the functions of TLS libraries, in libraries and in programs that
// contain one. One set for each file (device, inode, time of change), whichever processes use
// it; then a process that starts later is seen from its first call on. A file is let go
// some time after its last user, for the next one that starts. Nothing is written into a
// process.
//
// Safety: when the probes cost more than max_cpu in a sample, with their traps (trap_cost.h, measured with the first
// file), all of them are taken away; when a process dies of a fault within kProbationNs of an attach, the files that it
// or its parent used are, and both until a restart.
//
// One thread, BpfSource's. At most kMaxFiles files, further ones are not probed.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/base/result.h"
#include "agent/base/unique_fd.h"
#include "agent/runtime/tls_library.h"
#include "agent/source/bpf_late_programs.h"
#include "agent/source/bpf_uprobe_link.h"
#include "agent/source/bpf_uprobes.h"
#include "agent/source/program_runs.h"
#include "agent/source/tls_ledger.h"
#include "config/config.h"

struct crash;  // bpf/state.h
struct tracelet_bpf;

namespace tracelet::source {

class BpfTls {
 public:
  static constexpr size_t kMaxFiles = 256;
  static constexpr size_t kMaxKnown = 16'384;  // files that have no such functions
  static constexpr uint64_t kLingerNs = 60'000'000'000;
  static constexpr uint64_t kProbationNs = 60'000'000'000;

  // Which processes are traced, by number and executable.
  using Wanted = std::function<bool(uint32_t tgid, const std::string& exe)>;

  // `skeleton` is loaded, and both must outlive it.
  BpfTls(tracelet_bpf& skeleton, BpfLatePrograms& late, config::SourceTls settings, Wanted wanted)
      : skeleton_(skeleton), late_(late), settings_(std::move(settings)), wanted_(std::move(wanted)) {}

  // Which of the late programs are loaded: what this kernel can do decides. Before that.
  static void Choose(tracelet_bpf& late);

  // Processes that are there already.
  void AddPresent();
  void OnExec(uint32_t tgid, const std::string& exe, uint64_t now_ns);
  // It has mapped a file whose name is that of a TLS library.
  void OnMapped(uint32_t tgid);
  void OnExit(uint32_t tgid, uint64_t now_ns);
  // Lets go of files that nobody uses any more.
  void OnTime(uint64_t now_ns);
  // All that was counted so far, of all programs, in samples of that length in all.
  void OnCosts(const std::vector<ProgramRuns>& programs, uint64_t sampled_ns);
  void Detach();

  [[nodiscard]] TlsLedger ledger() const;

 private:
  using FileId = std::tuple<dev_t, ino_t, int64_t>;
  struct Attached {
    UprobeLinks links;              // one for each probe, or
    std::vector<UniqueFd> at_once;  // uprobe_multi.h, the one attached last first
    Uprobes go;
  };
  struct File {
    std::string path;
    Attached attached;
    std::set<uint32_t> users;
    uint64_t unused_since_ns = 0;
    uint64_t attached_ns = 0;
  };

  // Everything that the process has mapped to be executed, or only its executable.
  void Add(uint32_t tgid, const std::string& exe, bool mapped);
  // `found`: by which this process can open it now, `name` as the other one does.
  void AddFile(uint32_t tgid, const std::string& found, const std::string& name);
  // `layout`: TLS_PLACE of bpf/state.h, without a function.
  Result<Attached> Attach(const std::string& path, const std::vector<runtime::TlsProbe>& probes, uint64_t layout);
  Result<Attached> AttachAtOnce(const tracelet_bpf& late, const std::string& path,
                                const std::vector<runtime::TlsProbe>& probes, uint64_t layout);
  Result<Attached> AttachGo(const tracelet_bpf& late, const std::string& path,
                            const std::vector<runtime::TlsProbe>& probes);
  [[nodiscard]] bool Allowed(const std::string& exe) const;
  // The fault that it died of, if it did.
  [[nodiscard]] std::optional<crash> TakeCrash(uint32_t tgid) const;
  void Condemn(uint32_t tgid, const crash& crash, uint64_t now_ns);
  void Count();

  tracelet_bpf& skeleton_;
  BpfLatePrograms& late_;
  const config::SourceTls settings_;
  const Wanted wanted_;
  std::map<FileId, File> files_;
  std::set<FileId> without_;  // looked at, and there is nothing to probe
  uint64_t next_look_ns_ = 0;
  uint64_t counted_ns_ = 0;  // of the programs, with their traps
  uint64_t sampled_ns_ = 0;
  bool too_costly_ = false;
  TlsLedger ledger_;
};

}  // namespace tracelet::source
