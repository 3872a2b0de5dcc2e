#include "agent/source/bpf_source.h"

#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "agent/base/clock.h"
#include "agent/process/process_reader.h"

namespace tracelet::source {
namespace {

constexpr uint64_t kClockNs = 5'000'000'000;       // NTP steps and suspends are seen after this long
constexpr uint64_t kDrainLimitNs = 1'000'000'000;  // after Stop()

ClockPair ReadClocks() {
  const ClockReadings readings = ReadTogether(CLOCK_MONOTONIC, CLOCK_REALTIME);
  return {readings.first_ns, readings.second_ns};
}

// A ring holds what happens in some milliseconds: a capture thread that waits its turn on a busy host loses
// records. Threads that exist already keep theirs. Without CAP_SYS_NICE it stays as it is.
void RaisePriority(uint32_t priority) {
  if (setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), -static_cast<int>(priority)) == 0) return;
  spdlog::info("the capture thread's priority stays as it is: {}", SystemError("setpriority").message);
}

// Edge-triggered: a ring is never empty for long, so a level would wake us for
// every event, and the fill level that the programs wake at would mean nothing.
Result<UniqueFd> MakeEpoll(const std::vector<UniqueFd>& rings) {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return SystemError("epoll_create1");
  for (const UniqueFd& ring : rings) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, ring.get(), &event) != 0) return SystemError("wait for a ring buffer");
  }
  return epoll;
}

// What is probed must be traced: programs say nothing of other processes, the selector judges the rest.
BpfProbes::Wanted Wanted(const process::Selector& selector) {
  return [selector](uint32_t tgid, const std::string& exe) {
    process::ProcessInfo info;
    info.key.tgid = tgid;
    info.exe = exe;
    process::Cgroups cgroups = process::ReadCgroups(tgid);
    info.cgroup = std::move(cgroups.path);
    info.container_id = std::move(cgroups.container_id);
    info.pod_uid = std::move(cgroups.pod_uid);
    return !selector.JudgesProcesses() || selector.Selects(info);
  };
}

}  // namespace

Result<std::unique_ptr<BpfSource>> BpfSource::Start(const config::Source& settings, const config::Selector& selection,
                                                    process::Selector::Wanted wanted) {
  auto selector = process::Selector::Make(selection, "/proc", std::move(wanted));
  if (!selector) return selector.error();
  auto filter = selector->MakeKernelFilter();
  if (!filter) return filter.error();
  auto programs = BpfPrograms::Load(settings, *filter);
  if (!programs) return programs.error();
  std::vector<RingMemory> memory;
  for (const UniqueFd& ring : (*programs)->rings()) {
    auto mapped = RingMemory::Map(ring.get(), settings.ring_bytes);
    if (!mapped) return mapped.error();
    memory.push_back(std::move(*mapped));
  }
  auto epoll = MakeEpoll((*programs)->rings());
  if (!epoll) return epoll.error();
  if (Status attached = (*programs)->Attach(); !attached) return attached.error();
  // From here on the fork tracepoint enrols; these were there before.
  const std::vector<uint32_t> members = selector->TreeMembers();
  for (uint32_t tgid : members) (*programs)->SetVerdict(tgid, VERDICT_TRACE_TREE);
  auto probes = std::make_unique<BpfProbes>((*programs)->skeleton(), (*programs)->late(), Wanted(*selector));
  auto goroutines = std::make_unique<BpfGoroutines>((*programs)->skeleton(), (*programs)->late(), Wanted(*selector));
  auto tls = std::make_unique<BpfTls>((*programs)->skeleton(), (*programs)->late(), settings.tls, Wanted(*selector));
  std::unique_ptr<BpfSource> source(
      new BpfSource(settings, std::move(*selector), std::move(*programs), std::move(memory), std::move(*epoll)));
  source->probes_ = std::move(probes);
  source->goroutines_ = std::move(goroutines);
  source->tls_ = std::move(tls);
  if (selection.tree != 0) source->tls_->OnMapped(selection.tree);
  for (uint32_t tgid : members) source->tls_->OnMapped(tgid);
  if (selection.tree != 0) return source;  // a tree is told by its execs
  source->probes_->AddPresent();
  source->tls_->AddPresent();
  source->goroutines_->AddPresent();  // last: with it a Go program's TLS is seen
  return source;
}

BpfSource::BpfSource(const config::Source& settings, process::Selector selector, std::unique_ptr<BpfPrograms> programs,
                     std::vector<RingMemory> memory, UniqueFd epoll)
    : drain_interval_(settings.drain_interval_ms),
      priority_(settings.priority),
      programs_(std::move(programs)),
      epoll_(std::move(epoll)),
      reader_(std::move(memory)),
      connections_(programs_->connections_fd(), settings.max_connections),
      gate_(std::move(selector), settings.max_processes,
            {[](process::ProcessKey key, const event_exec* exec) { return process::ReadProcess(key, exec); },
             [this](process::ProcessInfo& info) {
               info.loop_unsupported = probes_->Refused(info.key.tgid);
               info.goroutines_unsupported = goroutines_->Refused(info.key.tgid);
             },
             [kernel = programs_.get()](uint32_t tgid, verdict judged) { kernel->SetVerdict(tgid, judged); }}),
      costs_(*programs_, settings.cost_sample_period_s) {}

Result<bool> BpfSource::Poll(EventSink& sink, std::chrono::milliseconds timeout) {
  if (next_clock_ns_ == 0 && priority_ != 0) RaisePriority(priority_);
  if (!stopped_ && next_clock_ns_ != 0) Wait(std::min(timeout, drain_interval_));
  DoTimers(sink, ReadClock(CLOCK_MONOTONIC));
  const auto watermark = reader_.Round(ReadClock(CLOCK_MONOTONIC), [&](const event_header& event) {
    if (event.kind != EVENT_DATA && event.kind != EVENT_CLOSE) ProbeFor(event);
    gate_.OnEvent(event, sink);
  });
  if (watermark) sink.OnWatermark(*watermark);
  return !stopped_ || !Drained();
}

void BpfSource::ProbeFor(const event_header& event) {
  if (stopped_) return;
  if (event.kind == EVENT_MAPPED) {
    tls_->OnMapped(event.tgid);
    probes_->OnMapped(event.tgid);
  } else if (event.kind == EVENT_OPEN) {
    if (reinterpret_cast<const event_open&>(event).role != ROLE_SERVER) probes_->OnCalls(event.tgid);
  } else if (event.kind == EVENT_EXIT) {
    probes_->OnExit(event.tgid);
    goroutines_->OnExit(event.tgid);
    tls_->OnExit(event.tgid, event.time_ns);
  } else if (event.kind == EVENT_EXEC) {
    const char* exe = reinterpret_cast<const event_exec&>(event).exe;
    probes_->OnExec(event.tgid, exe, event.time_ns);
    tls_->OnExec(event.tgid, exe, event.time_ns);
    goroutines_->OnExec(event.tgid, exe);
  }
}

Status BpfSource::LoadLate() {
  const auto late = programs_->late().Get();
  return late ? Ok() : Status(late.error());
}

void BpfSource::Wait(std::chrono::milliseconds timeout) {
  epoll_event events[8];
  epoll_wait(epoll_.get(), events, std::size(events), static_cast<int>(timeout.count()));
}

void BpfSource::DoTimers(EventSink& sink, uint64_t now_ns) {
  if (now_ns >= next_clock_ns_) {
    sink.OnClock(ReadClocks());
    next_clock_ns_ = now_ns + kClockNs;
  }
  costs_.OnTime(now_ns);
  if (!stopped_) {
    probes_->OnTime(now_ns);
    goroutines_->OnTime(now_ns);
    tls_->OnTime(now_ns);
    tls_->OnCosts(costs_.programs(), costs_.sampled_ns());
  }
  if (now_ns >= next_sweep_ns_ && !stopped_) {
    connections_.Sweep(now_ns);
    next_sweep_ns_ = now_ns + BpfConnections::kStepNs;
  }
}

void BpfSource::Stop() {
  if (std::exchange(stopped_, true)) return;
  programs_->Detach();
  {  // each waits for the kernel, which waits for everybody to have left each probe
    const std::jthread probes([this] { probes_->Detach(); });
    const std::jthread goroutines([this] { goroutines_->Detach(); });
    tls_->Detach();
  }
  give_up_ns_ = ReadClock(CLOCK_MONOTONIC) + kDrainLimitNs;
}

bool BpfSource::Drained() {
  const ledger totals = programs_->Totals();
  if (totals.attempted == reader_.consumed() + totals.ring_full && reader_.empty()) return true;
  if (ReadClock(CLOCK_MONOTONIC) < give_up_ns_) return false;
  spdlog::warn("{} kernel records are missing", totals.attempted - totals.ring_full - reader_.consumed());
  return true;
}

KernelLedger BpfSource::Ledger() const {
  const ledger totals = programs_->Totals();
  KernelLedger sum;
  sum.attempted = totals.attempted;
  sum.ring_full = totals.ring_full;
  sum.consumed = reader_.consumed();
  sum.not_selected = gate_.not_selected();
  sum.without_connection = gate_.without_connection();
  sum.malformed = reader_.malformed();
  sum.connections_full = totals.conns_full;
  sum.threads_full = totals.threads_full;
  sum.compat_tasks = totals.compat_tasks;
  sum.unreadable = totals.unreadable;
  sum.frames_lost = totals.frames_lost;
  sum.records_lost = totals.records_lost;
  return sum;
}

}  // namespace tracelet::source
