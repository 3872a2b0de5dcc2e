#include "agent/ingest/strategy_cache.h"

namespace tracelet::ingest {

StrategyCache::StrategyCache(StrategyProvider* collector, StrategyProvider* file, size_t max_services)
    : collector_(collector), file_(file), max_services_(max_services) {}

Result<Strategy> StrategyCache::Get(const std::string& service, const std::function<Clock::time_point()>& now) {
  if (collector_ == nullptr || Paused(now())) {
    if (auto strategy = Instead(service)) return std::move(*strategy);
  }
  if (collector_ == nullptr) return Error{"no collector and no file with sampling strategies is configured"};
  auto answer = collector_->Get(service);
  if (answer) {
    ++counters_.collector_ok;
    Remember(service, *answer);
    return answer;
  }
  ++counters_.collector_failed;
  {
    const std::lock_guard lock(mutex_);
    paused_until_ = now() + kPause;
  }
  if (auto strategy = Instead(service)) return std::move(*strategy);
  return answer;
}

bool StrategyCache::Paused(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  return now < paused_until_;
}

std::optional<Strategy> StrategyCache::Instead(const std::string& service) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = last_.find(service); found != last_.end()) {
      ++counters_.from_memory;
      return found->second;
    }
  }
  if (file_ == nullptr) return std::nullopt;
  auto strategy = file_->Get(service);
  if (!strategy) return std::nullopt;
  ++counters_.from_file;
  return std::move(*strategy);
}

void StrategyCache::Remember(const std::string& service, const Strategy& strategy) {
  const std::lock_guard lock(mutex_);
  paused_until_ = {};
  const auto found = last_.find(service);
  if (found != last_.end()) {
    found->second = strategy;
    return;
  }
  // Service names are anybody's: any one makes room.
  if (last_.size() >= max_services_ && !last_.empty()) last_.erase(last_.begin());
  if (max_services_ > 0) last_.emplace(service, strategy);
}

}  // namespace tracelet::ingest
