#include "agent/base/clock.h"

#include <gtest/gtest.h>

namespace tracelet {
namespace {

// A thread that loses its CPU for 10 ms before every reading but a few: time as it passes, and its two clocks.
class BusyHost {
 public:
  explicit BusyHost(int undisturbed_from) : undisturbed_from_(undisturbed_from) {}

  uint64_t operator()(clockid_t clock) {
    const bool disturbed = readings_ < undisturbed_from_ || readings_ >= undisturbed_from_ + 3;
    ++readings_;
    now_ += disturbed ? 10'000'000 : 100;
    return clock == CLOCK_REALTIME ? now_ + kOffset : now_;
  }

  static constexpr uint64_t kOffset = 1'700'000'000'000'000'000;

 private:
  int undisturbed_from_;
  int readings_ = 0;
  uint64_t now_ = 5'000'000'000;
};

TEST(Clock, TheNarrowestBracketCounts) {
  for (const int bracket : {0, 3, 7}) {
    const ClockReadings readings = ReadTogether(CLOCK_MONOTONIC, CLOCK_REALTIME, BusyHost(3 * bracket));
    EXPECT_EQ(readings.second_ns - readings.first_ns, BusyHost::kOffset) << bracket;
  }
}

TEST(Clock, TwoReadingsOfTheHostAgree) {
  const ClockReadings one = ReadTogether(CLOCK_MONOTONIC, CLOCK_MONOTONIC);
  EXPECT_LE(one.first_ns > one.second_ns ? one.first_ns - one.second_ns : one.second_ns - one.first_ns, 1'000'000U);
}

}  // namespace
}  // namespace tracelet
