#include "agent/source/bpf_tls.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <optional>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/process/present.h"
#include "agent/runtime/tls_layout.h"
#include "agent/source/return_probes.h"
#include "agent/source/trap_cost.h"
#include "agent/source/uprobe_multi.h"
#include "bpf/state.h"
#include "tracelet.skel.h"

namespace tracelet::source {
namespace {

constexpr uint64_t kLookNs = 10'000'000'000;

std::string ProcOf(uint32_t tgid) { return "/proc/" + std::to_string(tgid); }

const bpf_program* ProgramOf(const tracelet_bpf& skeleton, runtime::TlsProgram program) {
  switch (program) {
    case runtime::TlsProgram::kRead:
      return skeleton.progs.tls_read;
    case runtime::TlsProgram::kReadEx:
      return skeleton.progs.tls_read_ex;
    case runtime::TlsProgram::kWrite:
      return skeleton.progs.tls_write;
    case runtime::TlsProgram::kWriteEx:
      return skeleton.progs.tls_write_ex;
    case runtime::TlsProgram::kHandshake:
      return skeleton.progs.tls_handshake;
    default:
      break;
  }
  return skeleton.progs.tls_free;
}
static_assert(static_cast<int>(runtime::TlsProgram::kFree) == TLS_CALLS_FREE, "in the same order");

// 0: not known, or too far away to be told.
uint64_t LayoutOf(uint32_t tgid, const std::string& path, const std::string& name) {
  const auto found = runtime::FindTlsLayout(path, ProcOf(tgid) + "/root", name);
  if (!found) return 0;
  const uint64_t place = TLS_PLACE(0, found->rbio / 8, found->wbio / 8, found->bio_read / 8, found->bio_written / 8,
                                   found->read_ahead / 4);
  const bool told = TLS_PLACE_RBIO(place) * 8 == found->rbio && TLS_PLACE_WBIO(place) * 8 == found->wbio &&
                    TLS_PLACE_READ(place) * 8 == found->bio_read &&
                    TLS_PLACE_WRITTEN(place) * 8 == found->bio_written &&
                    TLS_PLACE_AHEAD(place) * 4 == found->read_ahead;
  return told ? place : 0;
}

bool Matches(const std::vector<std::string>& globs, const std::string& path) {
  return std::ranges::any_of(globs, [&](const auto& glob) { return fnmatch(glob.c_str(), path.c_str(), 0) == 0; });
}

}  // namespace

void BpfTls::Choose(tracelet_bpf& late) {
  const auto& programs = late.progs;
  const bool at_once = HasUprobeMulti();
  for (bpf_program* one : {programs.tls_read, programs.tls_read_ex, programs.tls_write, programs.tls_write_ex,
                           programs.tls_handshake, programs.tls_free}) {
    bpf_program__set_autoload(one, !at_once);
  }
  bpf_program__set_autoload(programs.tls_function, at_once);
  if (!at_once) return;
  MakeUprobeMulti(programs.tls_function);
  MakeUprobeMulti(programs.tls_return);
  MakeUprobeMulti(programs.go_tls_read);
}

bool BpfTls::Allowed(const std::string& exe) const {
  return settings_.enabled && !too_costly_ && !Matches(settings_.exclude_exes, exe);
}

void BpfTls::AddPresent() {
  if (!settings_.enabled) return;
  for (const uint32_t tgid : process::PresentProcesses()) {
    const std::string exe = process::ExecutableOf(tgid);
    if (!exe.empty() && wanted_(tgid, exe)) Add(tgid, exe, true);
  }
}

void BpfTls::OnExec(uint32_t tgid, const std::string& exe, uint64_t now_ns) {
  OnExit(tgid, now_ns);
  if (wanted_(tgid, exe)) Add(tgid, exe, false);
}

void BpfTls::OnMapped(uint32_t tgid) {
  const std::string exe = process::ExecutableOf(tgid);
  if (!exe.empty() && wanted_(tgid, exe)) Add(tgid, exe, true);
}

void BpfTls::Add(uint32_t tgid, const std::string& exe, bool mapped) {
  if (tgid == static_cast<uint32_t>(getpid()) || !Allowed(exe)) return;  // our own is never traced
  AddFile(tgid, ProcOf(tgid) + "/exe", exe);
  if (!mapped) return;
  for (const auto& [name, path] : process::MappedFiles(tgid)) {
    if (runtime::MayBeTlsLibrary(name)) AddFile(tgid, path, name);
  }
}

void BpfTls::AddFile(uint32_t tgid, const std::string& found, const std::string& name) {
  const UniqueFd opened(open(found.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!opened || fstat(opened.get(), &status) != 0 || !S_ISREG(status.st_mode)) return;
  const std::string path = "/proc/self/fd/" + std::to_string(opened.get());  // also if it is deleted meanwhile
  const int64_t changed = status.st_mtim.tv_sec * int64_t{1'000'000'000} + status.st_mtim.tv_nsec;
  const FileId id{status.st_dev, status.st_ino, changed};
  if (const auto known = files_.find(id); known != files_.end()) {
    known->second.users.insert(tgid);
    return;
  }
  if (without_.contains(id) || Matches(settings_.exclude_files, name)) return;
  const auto probes = runtime::FindTlsProbes(path);
  if (!probes || probes->empty()) {
    if (without_.size() >= kMaxKnown) without_.clear();
    without_.insert(id);
    return;
  }
  // Go's sessions say when they began. Meanwhile their ciphertext is known as such and nobody has to judge it.
  if (std::ranges::count(*probes, runtime::TlsProgram::kGoMoved, &runtime::TlsProbe::program) > 0)
    skeleton_.bss->tls_files = static_cast<uint32_t>(files_.size() + 1);
  Result<Attached> attached =
      files_.size() < kMaxFiles ? Attach(path, *probes, LayoutOf(tgid, path, name)) : Error{"too many different files"};
  if (!attached) {
    spdlog::warn("{}: what it encrypts is not seen, because {}", name, attached.error().message);
    without_.insert(id);
    return Count();
  }
  spdlog::debug("{}: TLS functions are probed", name);
  if (ledger_.trap_ns == 0) {
    const tracelet_bpf& late = *late_.loaded();
    const bool at_once = HasUprobeMulti();
    ledger_.trap_ns = MeasureTrapNs(at_once ? late.progs.tls_function : late.progs.tls_free, at_once);
    spdlog::debug("a uprobe takes {} ns here", ledger_.trap_ns);
  }
  File& file = files_[id];
  file.path = name;
  file.attached = std::move(*attached);
  file.users.insert(tgid);
  file.attached_ns = ReadClock(CLOCK_MONOTONIC);
  Count();
}

Result<BpfTls::Attached> BpfTls::AttachAtOnce(const tracelet_bpf& late, const std::string& path,
                                              const std::vector<runtime::TlsProbe>& probes, uint64_t layout) {
  UprobePlaces entries;
  UprobePlaces exits{.offsets = {}, .cookies = {}, .returns = true};
  for (const runtime::TlsProbe& probe : probes) {
    entries.offsets.push_back(probe.offset);
    entries.cookies.push_back(layout | static_cast<uint64_t>(probe.program));
    if (probe.returns) exits.offsets.push_back(probe.offset);
  }
  exits.cookies.resize(exits.offsets.size());
  auto returns = AttachUprobes(late.progs.tls_return, path, exits);
  if (!returns) return returns.error();
  auto calls = AttachUprobes(late.progs.tls_function, path, entries);
  if (!calls) return calls.error();
  Attached attached;
  attached.at_once.push_back(std::move(*calls));
  attached.at_once.push_back(std::move(*returns));
  return attached;
}

Result<BpfTls::Attached> BpfTls::AttachGo(const tracelet_bpf& late, const std::string& path,
                                          const std::vector<runtime::TlsProbe>& probes) {
  Attached attached;
  // Returns first: a call that is seen to begin is seen to end.
  for (const auto& [program, loaded] : {std::pair(runtime::TlsProgram::kGoMoved, late.progs.tls_return),
                                        {runtime::TlsProgram::kGoRead, late.progs.go_tls_read}}) {
    std::vector<uint64_t> offsets;
    for (const runtime::TlsProbe& probe : probes) {
      if (probe.program == program) offsets.push_back(probe.offset);
    }
    if (const auto added = attached.go.Add(loaded, path, offsets, HasUprobeMulti()); !added) return added.error();
  }
  return attached;
}

Result<BpfTls::Attached> BpfTls::Attach(const std::string& path, const std::vector<runtime::TlsProbe>& probes,
                                        uint64_t layout) {
  const auto loaded = late_.Get();
  if (!loaded) return loaded.error();
  const tracelet_bpf& late = **loaded;
  if (std::ranges::count(probes, runtime::TlsProgram::kGoMoved, &runtime::TlsProbe::program) > 0) {
    return AttachGo(late, path, probes);
  }
  if (ReturnProbesHarmHere()) return Error{kReturnProbesHarm};
  if (HasUprobeMulti()) return AttachAtOnce(late, path, probes, layout);
  Attached all;
  const auto attach = [&](const bpf_program* program, bool at_return, uint64_t offset) -> Status {
    auto link = AttachUprobe(program, at_return, path, offset, at_return ? 0 : layout);
    if (!link) return link.error();
    all.links.push_back(std::move(*link));
    return Ok();
  };
  for (const runtime::TlsProbe& probe : probes) {
    Status attached = probe.returns ? attach(late.progs.tls_return, true, probe.offset) : Ok();
    if (attached) attached = attach(ProgramOf(late, probe.program), false, probe.offset);
    if (attached) continue;
    while (!all.links.empty()) all.links.pop_back();
    return attached.error();
  }
  return all;
}

// sys_exit spends nothing on TLS while no file has probes.
void BpfTls::Count() { skeleton_.bss->tls_files = static_cast<uint32_t>(files_.size()); }

void BpfTls::OnCosts(const std::vector<ProgramRuns>& programs, uint64_t sampled_ns) {
  if (sampled_ns == sampled_ns_) return;
  uint64_t counted_ns = 0;
  for (const ProgramRuns& program : programs) {
    if (program.name.starts_with("tls_") || program.name.starts_with("go_tls_"))
      counted_ns += program.ns + program.runs * ledger_.trap_ns;
  }
  const double share = static_cast<double>(counted_ns - counted_ns_) / static_cast<double>(sampled_ns - sampled_ns_);
  counted_ns_ = counted_ns;
  sampled_ns_ = sampled_ns;
  if (share <= settings_.max_cpu || files_.empty()) return;
  spdlog::warn("the probes on TLS libraries took {:.2f} of a CPU, and [source.tls] max_cpu is {}: taken away", share,
               settings_.max_cpu);
  too_costly_ = true;
  ledger_.detached_costs += files_.size();
  Detach();
}

std::optional<crash> BpfTls::TakeCrash(uint32_t tgid) const {
  crash taken{};
  const int map = bpf_map__fd(skeleton_.maps.crashes);
  if (bpf_map_lookup_elem(map, &tgid, &taken) != 0) return std::nullopt;
  bpf_map_delete_elem(map, &tgid);
  return taken;
}

void BpfTls::Condemn(uint32_t tgid, const crash& crash, uint64_t now_ns) {
  std::erase_if(files_, [&](const auto& entry) {
    const auto& [id, file] = entry;
    const bool uses = file.users.contains(tgid) || file.users.contains(crash.ppid);
    if (!uses || now_ns > file.attached_ns + kProbationNs) return false;
    spdlog::error("process {} died of signal {} ({}) within a minute of probes on {}: not probed again", tgid,
                  crash.signal, strsignal(static_cast<int>(crash.signal)), file.path);
    without_.insert(id);
    ++ledger_.detached_crashes;
    return true;
  });
  Count();
}

TlsLedger BpfTls::ledger() const {
  TlsLedger ledger = ledger_;
  ledger.files = files_.size();
  return ledger;
}

void BpfTls::OnExit(uint32_t tgid, uint64_t now_ns) {
  if (files_.empty()) return;
  if (const auto crash = TakeCrash(tgid)) Condemn(tgid, *crash, now_ns);
  for (auto& [id, file] : files_) {
    if (file.users.erase(tgid) != 0 && file.users.empty()) file.unused_since_ns = now_ns;
  }
}

void BpfTls::OnTime(uint64_t now_ns) {
  if (now_ns < next_look_ns_ || files_.empty()) return;
  next_look_ns_ = now_ns + kLookNs;
  for (auto& [id, file] : files_) {  // whose exit was not seen
    std::erase_if(file.users, process::IsGone);
    if (file.users.empty() && file.unused_since_ns == 0) file.unused_since_ns = now_ns;
    if (!file.users.empty()) file.unused_since_ns = 0;
  }
  const auto expired = [now_ns](const auto& entry) {
    return entry.second.users.empty() && entry.second.unused_since_ns + kLingerNs <= now_ns;
  };
  if (std::ranges::none_of(files_, expired)) return;
  AddPresent();  // nothing tells of processes that were forked and use what their parents had mapped
  std::erase_if(files_, expired);
  Count();
}

void BpfTls::Detach() {
  files_.clear();
  Count();
}

}  // namespace tracelet::source
