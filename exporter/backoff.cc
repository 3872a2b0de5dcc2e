#include "exporter/backoff.h"

#include <algorithm>

namespace tracelet::exporter {

Backoff::Milliseconds Backoff::Next(std::optional<Milliseconds> retry_after) {
  Milliseconds whole = initial_;
  for (uint32_t i = 0; i < failures_ && whole < max_; ++i) whole *= 2;
  if (whole < max_) ++failures_;
  whole = std::min(whole, max_);
  if (retry_after) return std::clamp(*retry_after, Milliseconds(0), kMaxRetryAfter);
  const int64_t half = whole.count() / 2;
  return Milliseconds(whole.count() - half + std::uniform_int_distribution<int64_t>(0, half)(random_));
}

}  // namespace tracelet::exporter
