#include "agent/source/bpf_programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/membarrier.h>
#include <malloc.h>
#include <spdlog/spdlog.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <fstream>
#include <string>

#include "agent/source/bpf_connections.h"
#include "agent/source/bpf_python.h"
#include "tracelet.skel.h"

namespace tracelet::source {
namespace {

thread_local std::string last_warning;  // libbpf says why only here

int OnLibbpfPrint(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG && !spdlog::should_log(spdlog::level::debug)) return 0;  // hundreds of lines
  char line[1024];
  const int length = vsnprintf(line, sizeof(line), format, arguments);
  std::string_view text(line, std::min<size_t>(std::max(length, 0), sizeof(line) - 1));
  while (text.ends_with('\n')) text.remove_suffix(1);
  if (level == LIBBPF_WARN) last_warning = text;
  spdlog::debug("{}", text);
  return 0;
}

bool LockedDown() {
  std::ifstream file("/sys/kernel/security/lockdown");
  std::string modes;
  std::getline(file, modes);
  return modes.find("[confidentiality]") != std::string::npos;
}

// What failed, and what to do about it.
Error Explain(const std::string& what, int error) {
  std::string remedy;
  if (access("/sys/kernel/btf/vmlinux", R_OK) != 0) {
    remedy = "this kernel has no BTF (/sys/kernel/btf/vmlinux): it needs CONFIG_DEBUG_INFO_BTF=y";
  } else if (LockedDown()) {
    remedy = "kernel lockdown is in confidentiality mode: boot with lockdown=integrity or without it";
  } else if (error == EPERM || error == EACCES) {
    remedy = geteuid() == 0 ? "root lacks CAP_BPF and CAP_PERFMON (CAP_SYS_ADMIN before 5.8), as in a container"
                            : "run as root, or with CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE and CAP_SYS_RESOURCE";
  } else if (error == ENOMEM) {
    remedy = "too little memory for the tables and rings: lower [source] ring_bytes or max_connections";
  } else if (error == EINVAL || error == ENOTSUP || error == ESRCH || error == ENOENT) {
    remedy = "this kernel may be too old (5.10 is the oldest that is supported)";
  }
  Error result = SystemError(what, error);
  if (!remedy.empty()) result.message += "; " + remedy;
  if (!last_warning.empty()) result.message += " [" + last_warning + "]";
  return result;
}

uint32_t DividedUp(uint32_t value, uint32_t by) { return (value + by - 1) / by; }

}  // namespace

void BpfPrograms::Destroy::operator()(tracelet_bpf* skeleton) const { tracelet_bpf__destroy(skeleton); }

BpfPrograms::~BpfPrograms() = default;

Result<std::unique_ptr<BpfPrograms>> BpfPrograms::Load(const config::Source& settings,
                                                       const process::KernelFilter& filter) {
  libbpf_set_print(OnLibbpfPrint);
  last_warning.clear();
  std::unique_ptr<BpfPrograms> programs(new BpfPrograms);
  BpfKernelTypes& kernel_types = programs->kernel_types_;
  LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = kernel_types.path().c_str());
  programs->skeleton_.reset(tracelet_bpf__open_opts(&options));
  if (!programs->skeleton_) return Explain("cannot open the BPF programs", errno);
  if (!kernel_types.Fill(bpf_object__btf(programs->skeleton_->obj)))
    return Explain("cannot read the kernel's BTF", errno);
  if (Status status = programs->MakeRings(settings); !status) return status.error();
  if (Status status = programs->Configure(settings, filter); !status) return status.error();
  programs->late_.emplace(*programs->skeleton_, kernel_types);
  // libbpf raises RLIMIT_MEMLOCK by itself where maps are charged to it (before 5.11).
  if (const int error = tracelet_bpf__load(programs->skeleton_.get()); error != 0) {
    return Explain("cannot load the BPF programs", -error);
  }
  if (Status status = programs->Fill(filter); !status) return status.error();
  malloc_trim(0);  // the kernel's BTF was parsed: several MiB that are not needed again
  return programs;
}

Status BpfPrograms::Configure(const config::Source& settings, const process::KernelFilter& filter) {
  auto& kernel = skeleton_->rodata->settings;
  kernel.agent_tgid = static_cast<uint32_t>(getpid());
  kernel.rings_per_cpu = DividedUp(1U << RINGS_SHIFT, std::max(settings.cpus_per_ring, 1U));
  kernel.wake_bytes = settings.ring_bytes / 8;
  kernel.default_verdict = filter.default_verdict;
  kernel.netns = filter.netns;
  kernel.by_cgroup = filter.cgroup ? 1 : 0;
  kernel.by_process = filter.judged || !filter.processes.empty() ? 1 : 0;
  kernel.thread_bits = std::bit_width(settings.max_threads - 1);
  kernel.conn_bits = BpfConnections::Bits(settings.max_connections);
  kernel.port_count = static_cast<uint32_t>(filter.ports.size());
  std::copy(filter.ports.begin(), filter.ports.end(), kernel.ports);
  std::copy_n(settings.sdk_ports.begin(), std::min<size_t>(settings.sdk_ports.size(), SDK_PORTS), kernel.sdk_ports);

  const auto& maps = skeleton_->maps;
  int error = bpf_map__set_max_entries(maps.conns, (1U << kernel.conn_bits) + CONN_WAYS);
  if (error == 0) error = bpf_map__set_max_entries(maps.threads, (1U << kernel.thread_bits) + THREAD_WAYS);
  if (error == 0) error = bpf_map__set_max_entries(maps.processes, settings.max_processes);
  if (error == 0) error = bpf_map__set_max_entries(maps.rings, ring_slots_);
  // The shape of a ring, for the verifier. (bpf_map__inner_map() cannot be resized in libbpf 1.1.)
  if (error == 0) error = bpf_map__set_inner_map_fd(maps.rings, rings_.front().get());
  if (error != 0) return Explain("cannot size the BPF maps", -error);
  return Ok();
}

// One ring per group of CPUs that are online; a group that may come later shares.
Status BpfPrograms::MakeRings(const config::Source& settings) {
  const int possible = libbpf_num_possible_cpus();
  if (possible <= 0) return Explain("cannot count the CPUs", -possible);
  if (possible > MAX_CPUS) return Error{"more than " + std::to_string(MAX_CPUS) + " CPUs are not supported"};
  const uint32_t cpus_per_ring = std::max(settings.cpus_per_ring, 1U);
  ring_slots_ = DividedUp(static_cast<uint32_t>(possible), cpus_per_ring);
  const auto online = static_cast<uint32_t>(std::max(sysconf(_SC_NPROCESSORS_ONLN), 1L));
  const uint32_t count = std::min(DividedUp(online, cpus_per_ring), ring_slots_);
  for (uint32_t i = 0; i < count; ++i) {
    rings_.emplace_back(bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, settings.ring_bytes, nullptr));
    if (!rings_.back()) {
      return Explain("cannot make a ring buffer of " + std::to_string(settings.ring_bytes) + " bytes", errno);
    }
  }
  return Ok();
}

Status BpfPrograms::Fill(const process::KernelFilter& filter) {
  for (uint32_t slot = 0; slot < ring_slots_; ++slot) {
    const int fd = rings_[slot % rings_.size()].get();
    if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.rings), &slot, &fd, BPF_ANY) != 0) {
      return Explain("cannot hand a ring buffer to the programs", errno);
    }
  }
  for (const auto& [tgid, judged] : filter.processes) SetVerdict(tgid, judged);
  if (!filter.cgroup) return Ok();
  const uint32_t first = 0;
  const int fd = filter.cgroup.get();
  if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.cgroups), &first, &fd, BPF_ANY) != 0) {
    return Explain("cannot restrict the programs to the cgroup", errno);
  }
  return Ok();
}

Status BpfPrograms::Attach() {
  const int error = tracelet_bpf__attach(skeleton_.get());
  if (error != 0) return Explain("cannot attach the BPF programs", -error);
  return Ok();
}

void BpfPrograms::Detach() {
  tracelet_bpf__detach(skeleton_.get());
  // A program that began before runs with preemption off, inside an RCU read side:
  // this is synchronize_rcu(). Not available with nohz_full CPUs (membarrier(2)).
  if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0) usleep(50'000);
}

int BpfPrograms::connections_fd() const { return bpf_map__fd(skeleton_->maps.conns); }

uint32_t BpfPrograms::SenderOf(uint64_t netns, uint16_t port, uint64_t received_ns) const {
  sdk_sender sender{};
  const uint64_t key = netns << 16 | port;
  if (bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.sdk_senders), &key, &sender) != 0) return 0;
  constexpr uint64_t kTravelNs = 1'000'000'000;
  return sender.time_ns + kTravelNs > received_ns ? sender.tgid : 0;
}

void BpfPrograms::SetVerdict(uint32_t tgid, verdict judged) {
  const uint32_t value = judged;
  // A full table costs only work: user space drops the process's events itself.
  bpf_map_update_elem(bpf_map__fd(skeleton_->maps.processes), &tgid, &value, BPF_ANY);
}

std::vector<ProgramRuns> BpfPrograms::Runs() const {
  std::vector<ProgramRuns> all;
  for (const tracelet_bpf* skeleton : {skeleton_.get(), late_->loaded()}) {
    bpf_program* program = nullptr;
    while (skeleton != nullptr && (program = bpf_object__next_program(skeleton->obj, program)) != nullptr) {
      if (bpf_program__fd(program) < 0) continue;  // not loaded, or by the other
      bpf_prog_info info{};
      uint32_t size = sizeof(info);
      bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size);  // all zero when it fails
      all.push_back({bpf_program__name(program), info.run_cnt, info.run_time_ns});
    }
  }
  return all;
}

UniqueFd BpfPrograms::CountRuns() { return UniqueFd(bpf_enable_stats(BPF_STATS_RUN_TIME)); }

ledger BpfPrograms::Totals() const {
  ledger sum{};
  const auto read = [](const __u64& counter) { return __atomic_load_n(&counter, __ATOMIC_RELAXED); };
  for (const ledger& cpu : skeleton_->bss->ledgers) {
    sum.attempted += read(cpu.attempted);
    sum.ring_full += read(cpu.ring_full);
    sum.conns_full += read(cpu.conns_full);
    sum.threads_full += read(cpu.threads_full);
    sum.compat_tasks += read(cpu.compat_tasks);
    sum.unreadable += read(cpu.unreadable);
    sum.frames_lost += read(cpu.frames_lost);
    sum.records_lost += read(cpu.records_lost);
  }
  return sum;
}

}  // namespace tracelet::source
