// Fills a ProcessInfo from /proc. Any thread; reads at most a few hundred KiB.
//
// Of the environment only OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES are kept.
#pragma once

#include <cstdint>
#include <string>

#include "agent/process/container_id.h"
#include "agent/process/process_info.h"
#include "bpf/events.h"

namespace tracelet::process {

// Bytes of a command line that ProcessInfo keeps; the name is found in up to 128 KiB of it.
inline constexpr size_t kMaxArgsKept = 4096;

// Never fails. A process that is gone, or whose number belongs to another one by
// now (its start time differs from key.start_ns), is described by `exec` alone;
// `exec` may be null.
ProcessInfo ReadProcess(ProcessKey key, const event_exec* exec, const std::string& proc_root = "/proc");

// Everything empty when it is gone.
Cgroups ReadCgroups(uint32_t tgid, const std::string& proc_root = "/proc");

// Can field 22 of /proc/PID/stat (proc_pid_stat(5): clock ticks of CLOCK_BOOTTIME) be
// the process that started at `start_ns` of CLOCK_MONOTONIC? The clocks differ by the
// time spent in suspend: by `suspended_ns` now, by anything up to that when it started.
bool SameStart(uint64_t stat_ticks, uint64_t start_ns, uint64_t suspended_ns, uint64_t ticks_per_second);

}  // namespace tracelet::process
