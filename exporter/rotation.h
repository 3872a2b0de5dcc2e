// Takes turns between several addresses of one backend and leaves one that failed
// in peace for a while, unless all have failed. One thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "exporter/sender.h"

namespace tracelet::exporter {

class Rotation {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kRest{10};

  explicit Rotation(size_t count) : rests_until_(count) {}

  // attempt(index) on one after the other: until one answers, all rest, or it is too late.
  template <typename Attempt>
  SendResult Send(Clock::time_point deadline, Attempt&& attempt) {
    while (true) {
      const size_t index = Next(Clock::now());
      SendResult result = attempt(index);
      if (result.status != SendStatus::kRetry) {
        Worked(index);
        return result;
      }
      const auto now = Clock::now();
      Failed(index, now);
      if (!AnyLeft(now) || now >= deadline) return result;
    }
  }

  // The next one in turn that does not rest; the next one in turn when all do.
  size_t Next(Clock::time_point now);
  void Failed(size_t index, Clock::time_point now) { rests_until_[index] = now + kRest; }
  void Worked(size_t index) { rests_until_[index] = {}; }
  // One that does not rest is left: trying again at once may help.
  [[nodiscard]] bool AnyLeft(Clock::time_point now) const;

 private:
  std::vector<Clock::time_point> rests_until_;
  size_t next_ = 0;
};

}  // namespace tracelet::exporter
