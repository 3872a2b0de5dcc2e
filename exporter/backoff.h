// How long to wait before the next attempt: doubling, with a random half ("equal
// jitter": half of it fixed, half drawn, so that nodes that failed together do not
// come back together), or what the backend asked for.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>

namespace tracelet::exporter {

class Backoff {
 public:
  using Milliseconds = std::chrono::milliseconds;
  // A backend cannot silence the agent for longer than this.
  static constexpr Milliseconds kMaxRetryAfter{60'000};

  Backoff(Milliseconds initial, Milliseconds max, uint32_t seed) : initial_(initial), max_(max), random_(seed) {}

  // After one more failure.
  Milliseconds Next(std::optional<Milliseconds> retry_after);
  void Reset() { failures_ = 0; }

 private:
  const Milliseconds initial_;
  const Milliseconds max_;
  std::minstd_rand random_;
  uint32_t failures_ = 0;
};

}  // namespace tracelet::exporter
