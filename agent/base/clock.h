// Reads one of the kernel's clocks, in nanoseconds. For sources and readers of /proc
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

}  // namespace tracelet
