// The heap of a process whose use of memory comes in waves: spans are held for a second,
// then all is free again. Given back to the system at once, it would be faulted in again
// page by page with the next wave; kept for good, a burst would be paid for ever.
#pragma once

#include <malloc.h>

#include <chrono>
#include <cstddef>

namespace tracelet {

class Heap {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr int kSpareBytes = 4 << 20;  // stay with the process
  static constexpr std::chrono::seconds kInterval{2};

  // For the whole process: call it once, early.
  Heap() {
    mallopt(M_TRIM_THRESHOLD, kSpareBytes);
    mallopt(M_MMAP_THRESHOLD, kSpareBytes);  // else it stays at 128 KiB once the other is set
  }

  // Gives back what a burst has left. Cheap, to be called often.
  void Trim(Clock::time_point now) {
    if (now < next_) return;
    next_ = now + kInterval;
    if (mallinfo2().fordblks > size_t{kSpareBytes}) malloc_trim(0);
  }

 private:
  Clock::time_point next_ = Clock::now() + kInterval;
};

}  // namespace tracelet
