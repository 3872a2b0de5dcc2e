#include "agent/source/bpf_goroutines.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <numeric>

#include "agent/base/clock.h"
#include "agent/process/present.h"
#include "agent/source/uprobe_multi.h"
#include "tracelet.skel.h"

namespace tracelet::source {
namespace {

constexpr uint64_t kLookNs = 10'000'000'000;
constexpr uint64_t kLingerNs = 60'000'000'000;  // after a file's last user: to read a large one takes 0.2 s
constexpr std::array kPrograms = {
    runtime::GoProgram::kStarted,    runtime::GoProgram::kCall,      runtime::GoProgram::kRoundTrip,
    runtime::GoProgram::kServesMany, runtime::GoProgram::kOneCall,   runtime::GoProgram::kRpcMade,
    runtime::GoProgram::kRpcSent,    runtime::GoProgram::kRpcServed, runtime::GoProgram::kHttp2Served};

std::string ExeLink(uint32_t tgid) { return "/proc/" + std::to_string(tgid) + "/exe"; }

bpf_program* ProgramOf(const tracelet_bpf& skeleton, runtime::GoProgram program) {
  switch (program) {
    case runtime::GoProgram::kStarted:
      return skeleton.progs.go_started;
    case runtime::GoProgram::kCall:
      return skeleton.progs.go_call;
    case runtime::GoProgram::kRoundTrip:
      return skeleton.progs.go_round_trip;
    case runtime::GoProgram::kOneCall:
      return skeleton.progs.go_one_call;
    case runtime::GoProgram::kRpcMade:
      return skeleton.progs.go_rpc_made;
    case runtime::GoProgram::kRpcSent:
      return skeleton.progs.go_rpc_sent;
    case runtime::GoProgram::kRpcServed:
      return skeleton.progs.go_rpc_served;
    case runtime::GoProgram::kHttp2Served:
      return skeleton.progs.go_http2_served;
    case runtime::GoProgram::kServesMany:
      break;
  }
  return skeleton.progs.go_serves_many;
}

}  // namespace

void BpfGoroutines::Choose(tracelet_bpf& late) {
  if (!HasUprobeMulti()) return;
  for (const runtime::GoProgram program : kPrograms) MakeUprobeMulti(ProgramOf(late, program));
}

void BpfGoroutines::AddPresent() {
  for (const uint32_t tgid : process::PresentProcesses()) {
    const std::string exe = process::ExecutableOf(tgid);
    if (!exe.empty() && wanted_(tgid, exe)) Add(tgid);
  }
}

void BpfGoroutines::OnExec(uint32_t tgid, const std::string& exe) {
  OnExit(tgid);
  if (wanted_(tgid, exe)) Add(tgid);
}

void BpfGoroutines::Add(uint32_t tgid) {
  const std::string path = ExeLink(tgid);
  struct stat status {};
  if (tgid == static_cast<uint32_t>(getpid()) || stat(path.c_str(), &status) != 0) return;
  const FileId id{status.st_dev, status.st_ino};
  File* file = FileOf(path, id, tgid);
  if (file == nullptr) return;
  const auto [process, added] = processes_.try_emplace(tgid, Process{.file = id});
  if (!added) return;
  ++file->users;
  if (file->probes.empty()) return;
  // The probes are there first: a goroutine that starts unseen has no cause.
  const auto followed = Follow(path, *file, tgid);
  if (!followed) {
    spdlog::warn("{} (pid {}): its calls are not linked, because {}", process::ExecutableOf(tgid), tgid,
                 followed.error().message);
    return;
  }
  process->second.followed = true;
  ++followed_;
  Changed();
}

Result<bool> BpfGoroutines::Follow(const std::string& path, const File& file, uint32_t tgid) {
  const auto elf = runtime::ElfFile::Open(path);
  const auto bias = elf ? elf->BiasIn(tgid) : std::nullopt;
  if (!bias) return Error{"where it lies in memory is not known"};
  go_program program = file.program;
  program.bias = *bias;
  program.since_ns = ReadClock(CLOCK_MONOTONIC);
  if (bpf_map_update_elem(bpf_map__fd(skeleton_.maps.go_programs), &tgid, &program, BPF_ANY) != 0) {
    return Error{"too many Go programs run"};
  }
  return true;
}

BpfGoroutines::File* BpfGoroutines::FileOf(const std::string& path, const FileId& id, uint32_t tgid) {
  if (const auto known = files_.find(id); known != files_.end()) return &known->second;
  if (others_.contains(id)) return nullptr;
  const auto opened = runtime::GoFile::Open(path);
  if (!opened || !*opened) {
    if (others_.size() >= kMaxOthers) others_.clear();
    others_.insert(id);
    return nullptr;
  }
  File file;
  const auto found = runtime::FindGoProbes(**opened);
  Result<Uprobes> probes = Error{"too many different Go programs run"};
  if (!found) {
    probes = found.error();
  } else if (files_.size() < kMaxFiles) {
    probes = Attach(path, found->probes);
  }
  const uint32_t number = UnusedNumber();
  if (probes) {
    if (const Status told = TellTakers(number, found->takers); !told) probes = told.error();
  }
  if (probes) {
    file.probes = std::move(*probes);
    file.program = found->program;
    file.program.file = number;
  } else {
    spdlog::warn("{} (pid {}): its calls are not linked, because {}", process::ExecutableOf(tgid), tgid,
                 probes.error().message);
  }
  return &files_.emplace(id, std::move(file)).first->second;
}

Result<Uprobes> BpfGoroutines::Attach(const std::string& path, const std::vector<runtime::GoProbe>& probes) {
  const auto late = late_.Get();
  if (!late) return late.error();
  Uprobes all;
  for (const runtime::GoProgram program : kPrograms) {
    std::vector<uint64_t> offsets;
    for (const runtime::GoProbe& probe : probes) {
      if (probe.program == program) offsets.push_back(probe.offset);
    }
    if (const auto added = all.Add(ProgramOf(**late, program), path, offsets, HasUprobeMulti()); !added)
      return added.error();
  }
  return all;
}

Status BpfGoroutines::TellTakers(uint32_t file, const std::vector<runtime::CodeRange>& takers) {
  std::vector<uint64_t> words(1);
  for (const runtime::CodeRange& taker : takers) {
    const uint64_t last = (taker.end - 1) / GO_BLOCK;
    if (last / 64 >= kMaxTakerWords) return Error{"too much code of a Go program"};
    if (last / 64 >= words.size()) words.resize(last / 64 + 1);
    for (uint64_t at = taker.begin / GO_BLOCK; at <= last; ++at) words[at / 64] |= uint64_t{1} << at % 64;
  }
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_INNER_MAP);
  auto count = static_cast<uint32_t>(words.size());
  const UniqueFd map(
      bpf_map_create(BPF_MAP_TYPE_ARRAY, "go_takers_file", sizeof(uint32_t), sizeof(uint64_t), count, &options));
  std::vector<uint32_t> places(count);
  std::iota(places.begin(), places.end(), 0);
  if (!map || bpf_map_update_batch(map.get(), places.data(), words.data(), &count, nullptr) != 0)
    return SystemError("its functions cannot be told to the kernel");
  const int fd = map.get();
  if (bpf_map_update_elem(bpf_map__fd(skeleton_.maps.go_takers), &file, &fd, BPF_ANY) != 0)
    return SystemError("its functions cannot be told to the kernel");
  return Ok();
}

uint32_t BpfGoroutines::UnusedNumber() const {
  const auto used = [this](uint32_t number) {
    return std::ranges::any_of(
        files_, [&](const auto& entry) { return !entry.second.probes.empty() && entry.second.program.file == number; });
  };
  uint32_t number = 0;
  while (used(number)) ++number;
  return number;
}

// Threads look again; the programs spend nothing on Go while none is there.
void BpfGoroutines::Changed() { skeleton_.bss->gos = followed_ == 0 ? 0 : ++version_; }

void BpfGoroutines::OnExit(uint32_t tgid) {
  const auto gone = processes_.extract(tgid);
  if (gone.empty()) return;
  if (gone.mapped().followed) {
    bpf_map_delete_elem(bpf_map__fd(skeleton_.maps.go_programs), &tgid);
    --followed_;
    Changed();
  }
  const auto file = files_.find(gone.mapped().file);
  if (file != files_.end() && --file->second.users == 0) file->second.unused_since_ns = ReadClock(CLOCK_MONOTONIC);
}

void BpfGoroutines::OnTime(uint64_t now_ns) {
  if (now_ns < next_look_ns_) return;
  next_look_ns_ = now_ns + kLookNs;
  std::vector<uint32_t> gone;
  for (const auto& [tgid, process] : processes_) {
    if (process::IsGone(tgid)) gone.push_back(tgid);
  }
  for (const uint32_t tgid : gone) OnExit(tgid);
  std::erase_if(files_, [&](const auto& entry) {
    const File& file = entry.second;
    if (file.users != 0 || file.unused_since_ns + kLingerNs > now_ns) return false;
    if (!file.probes.empty()) bpf_map_delete_elem(bpf_map__fd(skeleton_.maps.go_takers), &file.program.file);
    return true;
  });
}

void BpfGoroutines::Detach() {
  followed_ = 0;
  Changed();
  files_.clear();
  processes_.clear();
}

bool BpfGoroutines::Refused(uint32_t tgid) const {
  const auto process = processes_.find(tgid);
  return process != processes_.end() && !process->second.followed;
}

}  // namespace tracelet::source
