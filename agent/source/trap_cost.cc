#include "agent/source/trap_cost.h"

#include <link.h>

#include <algorithm>
#include <ctime>
#include <optional>
#include <string>

#include "agent/base/clock.h"
#include "agent/runtime/elf_file.h"
#include "agent/source/bpf_uprobes.h"

namespace tracelet::source {
namespace {

constexpr int kRounds = 4;  // the quickest counts: the others were interrupted
constexpr int kCalls = 50;

[[gnu::noinline]] void Trapped(volatile uint64_t& calls) { calls = calls + 1; }

uint64_t RoundNs() {
  volatile uint64_t calls = 0;
  const uint64_t begin = ReadClock(CLOCK_MONOTONIC);
  for (int i = 0; i < kCalls; ++i) Trapped(calls);
  return (ReadClock(CLOCK_MONOTONIC) - begin) / kCalls;
}

// What is added to our executable's addresses: dl_iterate_phdr(3) begins with the program itself.
uint64_t OwnBias() {
  uint64_t bias = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* program, size_t, void* found) {
        *static_cast<uint64_t*>(found) = program->dlpi_addr;
        return 1;  // the others are libraries
      },
      &bias);
  return bias;
}

}  // namespace

uint64_t MeasureTrapNs(const bpf_program* program, bool at_once) {
  const std::string own = "/proc/self/exe";
  const auto file = runtime::ElfFile::Open(own);
  const auto place =
      file ? file->OffsetOf(reinterpret_cast<uintptr_t>(&Trapped) - OwnBias()) : std::optional<uint64_t>();
  Uprobes probe;
  if (!place || !probe.Add(program, own, {*place}, at_once)) return kUsualTrapNs;
  uint64_t quickest_ns = RoundNs();
  for (int round = 1; round < kRounds; ++round) quickest_ns = std::min(quickest_ns, RoundNs());
  return quickest_ns;
}

}  // namespace tracelet::source
