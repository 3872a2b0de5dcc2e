#include "agent/source/bpf_probes.h"

#include <spdlog/spdlog.h>

#include "agent/process/present.h"
#include "bpf/state.h"
#include "tracelet.skel.h"

namespace tracelet::source {
namespace {

constexpr uint64_t kRetryNs = 5'000'000'000;  // a dynamic linker is done by then
constexpr uint64_t kLookNs = 10'000'000'000;

const bpf_program* ProgramOf(const tracelet_bpf& late, runtime::LoopProgram program) {
  switch (program) {
    case runtime::LoopProgram::kTimers:
      return late.progs.loop_timers;
    case runtime::LoopProgram::kPool:
      return late.progs.loop_pool;
    case runtime::LoopProgram::kTurn:
      return late.progs.loop_turn;
    case runtime::LoopProgram::kStreamMade:
      return late.progs.loop_stream_made;
    case runtime::LoopProgram::kApplet:
      return late.progs.loop_applet;
    case runtime::LoopProgram::kStreamRuns:
      return late.progs.loop_stream_runs;
    case runtime::LoopProgram::kTurnAlone:
      break;
  }
  return late.progs.loop_turn_alone;
}

}  // namespace

void BpfProbes::AddPresent() {
  for (const uint32_t tgid : process::PresentProcesses()) Add(tgid, process::ExecutableOf(tgid), 0);
}

void BpfProbes::OnExec(uint32_t tgid, const std::string& exe, uint64_t now_ns) {
  OnExit(tgid);
  Add(tgid, exe, now_ns);
}

void BpfProbes::Add(uint32_t tgid, const std::string& exe, uint64_t exec_ns) {
  if (runtime::MayRunPython(exe) && wanted_(tgid, exe)) python_.OnProcess(tgid, exec_ns);
  const runtime::LoopKind kind = runtime::LoopKindOf(exe);
  if (kind == runtime::LoopKind::kNone || !wanted_(tgid, exe)) return;
  const auto [entry, inserted] = processes_.try_emplace(tgid, Process{.kind = kind, .file = {}});
  if (!inserted) return;
  Process& process = entry->second;
  process.calls_nobody = kind == runtime::LoopKind::kNginx;
  process.probed = Probe(tgid, process, exec_ns != 0);
  if (process.probed || exec_ns == 0) return;
  process.retry_until_ns = exec_ns + kRetryNs;
  ++waiting_;
}

void BpfProbes::OnCalls(uint32_t tgid) {
  const auto found = processes_.find(tgid);
  if (found == processes_.end() || !found->second.calls_nobody) return;
  found->second.calls_nobody = false;
  found->second.probed = Probe(tgid, found->second, /*again=*/false);
}

void BpfProbes::OnMapped(uint32_t tgid) {
  const std::string exe = process::ExecutableOf(tgid);
  if (runtime::MayRunPython(exe) && wanted_(tgid, exe)) python_.OnMapped(tgid);
}

void BpfProbes::OnTime(uint64_t now_ns) {
  python_.OnTime(now_ns);
  if (now_ns >= next_look_ns_) {
    next_look_ns_ = now_ns + kLookNs;
    std::vector<uint32_t> gone;
    for (const auto& [tgid, process] : processes_) {
      if (process::IsGone(tgid)) gone.push_back(tgid);
    }
    for (const uint32_t tgid : gone) OnExit(tgid);
  }
  if (waiting_ == 0) return;
  for (auto& [tgid, process] : processes_) {
    if (process.retry_until_ns == 0) continue;
    const bool last = now_ns >= process.retry_until_ns;
    process.probed = Probe(tgid, process, !last);
    if (!process.probed && !last) continue;
    process.retry_until_ns = 0;
    --waiting_;
  }
}

bool BpfProbes::Probe(uint32_t tgid, Process& process, bool again) {
  const std::string proc = "/proc/" + std::to_string(tgid);
  const auto found = runtime::FindLoopProbes(process.kind, proc);
  if (found && process.calls_nobody) return true;
  const auto used = found ? Attach(*found) : Result<BpfFiles::Id>(found.error());
  if (used) {
    process.file = *used;
    Count();
  } else if (!again) {
    spdlog::warn("{} (pid {}): its calls are not linked, because {}", process::ExecutableOf(tgid), tgid,
                 used.error().message);
  }
  return used.has_value();
}

Result<BpfFiles::Id> BpfProbes::Attach(const runtime::LoopProbes& probes) {
  const auto late = late_.Get();
  if (!late) return late.error();
  std::vector<BpfFiles::Place> places;
  for (const runtime::LoopProbe& probe : probes.probes) {
    places.push_back({ProgramOf(**late, probe.program), probe.offset});
  }
  return files_.Use(probes.file, places);
}

// The programs spend nothing on loops while no file has probes.
void BpfProbes::Count() { skeleton_.bss->loops = static_cast<uint32_t>(files_.size()); }

void BpfProbes::OnExit(uint32_t tgid) {
  python_.OnExit(tgid);
  const auto gone = processes_.extract(tgid);
  if (gone.empty()) return;
  if (gone.mapped().retry_until_ns != 0) --waiting_;
  if (!gone.mapped().probed || gone.mapped().calls_nobody) return;
  files_.Release(gone.mapped().file);
  Count();
}

void BpfProbes::Detach() {
  python_.Detach();
  files_.Clear();
  processes_.clear();
  waiting_ = 0;
  Count();
}

bool BpfProbes::Refused(uint32_t tgid) const {
  const auto found = processes_.find(tgid);
  return (found != processes_.end() && !found->second.probed) || python_.Refused(tgid);
}

}  // namespace tracelet::source
