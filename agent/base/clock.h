// Reads the kernel's clocks, in nanoseconds. For sources and readers of /proc
// only: what lies right of the source gets its time from EventSink.
#pragma once

#include <cstdint>
#include <ctime>

namespace tracelet {

inline uint64_t ReadClock(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

// What two clocks showed at one instant.
struct ClockReadings {
  uint64_t first_ns = 0;
  uint64_t second_ns = 0;
};

// The thread may lose its CPU between two clocks, for milliseconds on a busy host, and the agents of two nodes would
// tell of a call that was answered before it was made. So the second is read between two readings of the first, and
// the narrowest of a few such brackets counts: the error is at most half its width.
template <typename Read>
ClockReadings ReadTogether(clockid_t first, clockid_t second, Read read) {
  constexpr int kBrackets = 8;
  ClockReadings narrowest;
  uint64_t width = UINT64_MAX;
  for (int i = 0; i < kBrackets; ++i) {
    const uint64_t before = read(first);
    const uint64_t between = read(second);
    const uint64_t after = read(first);
    if (after - before >= width) continue;
    width = after - before;
    narrowest = {before + width / 2, between};
  }
  return narrowest;
}

inline ClockReadings ReadTogether(clockid_t first, clockid_t second) { return ReadTogether(first, second, ReadClock); }

}  // namespace tracelet
