#include "agent/source/bpf_python.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <spdlog/spdlog.h>

#include <vector>

#include "agent/process/present.h"
#include "agent/runtime/python_modules.h"
#include "agent/source/uprobe_multi.h"
#include "bpf/state.h"
#include "tracelet.skel.h"

namespace tracelet::source {
namespace {

constexpr uint64_t kRetryNs = 5'000'000'000;  // a dynamic linker is done by then
constexpr uint64_t kLookNs = 10'000'000'000;

}  // namespace

void BpfPython::Choose(tracelet_bpf& late) {
  if (!HasUprobeMulti()) return;
  for (bpf_program* program :
       {late.progs.python_enters, late.progs.python_copied_current, late.progs.python_copied_other,
        late.progs.python_buffers, late.progs.python_puts, late.progs.python_got}) {
    MakeUprobeMulti(program);
  }
}

BpfPython::BpfPython(tracelet_bpf& skeleton, BpfLatePrograms& late)
    : skeleton_(skeleton), late_(late), files_(HasUprobeMulti()), with_uvloop_(HasUprobeMulti()) {}

void BpfPython::OnProcess(uint32_t tgid, uint64_t exec_ns) {
  OnExit(tgid);
  Process& process = processes_[tgid];
  process.probed = Probe(tgid, exec_ns != 0);
  if (process.probed || exec_ns == 0) return;
  process.retry_until_ns = exec_ns + kRetryNs;
  ++waiting_;
}

bool BpfPython::Probe(uint32_t tgid, bool again) {
  const auto python = runtime::FindPython("/proc/" + std::to_string(tgid));
  Status status = python ? Attach(python->file) : Status(python.error());
  if (status) status = Enter(tgid, *python);
  if (status) ProbeModules(tgid);
  if (!status && !again) {
    spdlog::warn("python (pid {}): calls of its coroutines are not linked, because {}", tgid, status.error().message);
  }
  return status.has_value();
}

Status BpfPython::Attach(const runtime::PythonFile& file) {
  const auto late = late_.Get();
  if (!late) return late.error();
  const auto& programs = (*late)->progs;
  std::vector<BpfFiles::Place> places = {{programs.python_enters, file.enter},
                                         {programs.python_copied_current, file.copy_current, true}};
  for (const uint64_t offset : file.copy_other) places.push_back({programs.python_copied_other, offset, true});
  const auto used = files_.Use(file.path, places);
  return used ? Ok() : Status(used.error());
}

Status BpfPython::Enter(uint32_t tgid, const runtime::PythonProcess& python) {
  const runtime::PythonLayout& layout = *python.file.layout;
  const python_process entry{.thread_key = python.runtime + layout.thread_key,
                             .interpreters = python.runtime + layout.interpreters,
                             .generation = ++generation_,
                             .thread_id = layout.thread_id,
                             .interpreter = layout.interpreter,
                             .context = layout.context,
                             .entered = runtime::kPythonEntered,
                             .refused = 0,
                             .buffers = 0,
                             .jobs = 0,
                             .bases = layout.minor >= runtime::kPythonThreadContexts};
  if (bpf_map_update_elem(bpf_map__fd(skeleton_.maps.python_processes), &tgid, &entry, BPF_ANY) != 0) {
    return SystemError("there are too many of them");
  }
  ++skeleton_.bss->pythons;
  return Ok();
}

void BpfPython::OnMapped(uint32_t tgid) {
  if (skeleton_.bss->pythons != 0) ProbeModules(tgid);
}

// Context.run() is used much, and only probed where uvloop is: before 0.23 it called the protocol so.
void BpfPython::ProbeCallbacks(const std::string& proc) {
  const auto python = runtime::FindPython(proc);
  if (!python) return;
  const auto used = with_uvloop_.Use(python->file.path, {{late_.loaded()->progs.python_enters, python->file.run}});
  if (!used) spdlog::warn("python: calls from uvloop are not linked, because {}", used.error().message);
}

// What cannot be probed is not seen, and then refused.
void BpfPython::ProbeModules(uint32_t tgid) {
  const tracelet_bpf* late = late_.loaded();
  if (late == nullptr) return;
  const std::string proc = "/proc/" + std::to_string(tgid);
  for (const runtime::PythonModule& module : runtime::FindPythonModules(proc)) {
    if (module.uvloop) ProbeCallbacks(proc);
    if (module.places.empty()) continue;
    std::vector<BpfFiles::Place> places;
    for (const auto& [program, offset] : module.places) {
      switch (program) {
        case runtime::PythonProgram::kBuffers:
          places.push_back({late->progs.python_buffers, offset});
          break;
        case runtime::PythonProgram::kPuts:
          places.push_back({late->progs.python_puts, offset});
          break;
        case runtime::PythonProgram::kGot:
          places.push_back({late->progs.python_got, offset, true});
          break;
      }
    }
    const auto used = files_.Use(module.path, places);
    if (!used) spdlog::debug("python (pid {}): {} is not probed, because {}", tgid, module.path, used.error().message);
  }
}

void BpfPython::OnTime(uint64_t now_ns) {
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
    process.probed = Probe(tgid, !last);
    if (!process.probed && !last) continue;
    process.retry_until_ns = 0;
    --waiting_;
  }
}

void BpfPython::OnExit(uint32_t tgid) {
  const auto gone = processes_.extract(tgid);
  if (gone.empty()) return;
  if (gone.mapped().retry_until_ns != 0) --waiting_;
}

void BpfPython::Detach() {
  files_.Clear();
  with_uvloop_.Clear();
  processes_.clear();
  waiting_ = 0;
  skeleton_.bss->pythons = 0;
}

bool BpfPython::Refused(uint32_t tgid) const {
  const auto found = processes_.find(tgid);
  return found != processes_.end() && !found->second.probed;
}

}  // namespace tracelet::source
