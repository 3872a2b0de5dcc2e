#include "exporter/rotation.h"

#include <algorithm>

namespace tracelet::exporter {

size_t Rotation::Next(Clock::time_point now) {
  const size_t count = rests_until_.size();
  size_t chosen = next_;
  for (size_t i = 0; i < count; ++i) {
    const size_t candidate = (next_ + i) % count;
    if (rests_until_[candidate] <= now) {
      chosen = candidate;
      break;
    }
  }
  next_ = (chosen + 1) % count;
  return chosen;
}

bool Rotation::AnyLeft(Clock::time_point now) const {
  return std::any_of(rests_until_.begin(), rests_until_.end(), [&](Clock::time_point until) { return until <= now; });
}

}  // namespace tracelet::exporter
