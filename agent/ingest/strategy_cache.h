// Where the strategy of a service comes from: the collector; while that does not answer,
// its last answer for this service; else a file. So a dead or hung collector changes
// nothing for clients but a counter. Any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>

#include "agent/ingest/sampling_strategy.h"

namespace tracelet::ingest {

struct SamplingCounters {
  std::atomic<uint64_t> collector_ok{0};
  std::atomic<uint64_t> collector_failed{0};
  std::atomic<uint64_t> from_memory{0};
  std::atomic<uint64_t> from_file{0};
};

class StrategyCache : public StrategyProvider {
 public:
  using Clock = std::chrono::steady_clock;
  // After a failure the collector is left alone this long by who can be answered without.
  static constexpr std::chrono::seconds kPause{5};

  // Either may be null. `max_services` bounds what is remembered.
  StrategyCache(StrategyProvider* collector, StrategyProvider* file, size_t max_services);

  Result<Strategy> Get(const std::string& service) override { return Get(service, Clock::now); }
  Result<Strategy> Get(const std::string& service, const std::function<Clock::time_point()>& now);

  [[nodiscard]] const SamplingCounters& counters() const { return counters_; }

 private:
  [[nodiscard]] bool Paused(Clock::time_point now);
  std::optional<Strategy> Instead(const std::string& service);
  void Remember(const std::string& service, const Strategy& strategy);

  StrategyProvider* collector_;
  StrategyProvider* file_;
  size_t max_services_;
  SamplingCounters counters_;
  std::mutex mutex_;
  std::unordered_map<std::string, Strategy> last_;
  Clock::time_point paused_until_{};
};

}  // namespace tracelet::ingest
