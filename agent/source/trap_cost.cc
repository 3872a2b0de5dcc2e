#include "agent/source/trap_cost.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <fstream>
#include <optional>
#include <string>

#include "agent/base/clock.h"
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

// The place in our executable of an address in memory. proc(5): "START-END r-xp OFFSET ...", in hexadecimal digits.
std::optional<uint64_t> PlaceOf(uint64_t address) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    uint64_t start = 0;
    uint64_t end = 0;
    uint64_t offset = 0;
    const char* last = line.data() + line.size();
    const auto dash = std::from_chars(line.data(), last, start, 16);
    const auto blank = std::from_chars(std::min(dash.ptr + 1, last), last, end, 16);
    constexpr size_t kRights = sizeof(" r-xp ") - 1;
    if (last - blank.ptr < static_cast<ptrdiff_t>(kRights) || address < start || address >= end) continue;
    std::from_chars(blank.ptr + kRights, last, offset, 16);
    return address - start + offset;
  }
  return std::nullopt;
}

}  // namespace

uint64_t MeasureTrapNs(const bpf_program* program, bool at_once) {
  const auto place = PlaceOf(reinterpret_cast<uintptr_t>(&Trapped));
  Uprobes probe;
  if (!place || !probe.Add(program, "/proc/self/exe", {*place}, at_once)) return kUsualTrapNs;
  uint64_t quickest_ns = RoundNs();
  for (int round = 1; round < kRounds; ++round) quickest_ns = std::min(quickest_ns, RoundNs());
  return quickest_ns;
}

}  // namespace tracelet::source
