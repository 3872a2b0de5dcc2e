// What a uprobe costs here before its program runs, which the kernel does not count: a breakpoint is a trap, and takes
// 1 µs on one machine and 10 on another, where a hypervisor looks at it.
#pragma once

#include <cstdint>

struct bpf_program;

namespace tracelet::source {

// Without a measurement: about what others report.
inline constexpr uint64_t kUsualTrapNs = 1'000;

// Of one entry probe, with the little that `program` does for this process: set on a function of our own,
// called some hundred times, and taken away. Some milliseconds. `at_once` as in Uprobes.
uint64_t MeasureTrapNs(const bpf_program* program, bool at_once);

}  // namespace tracelet::source
