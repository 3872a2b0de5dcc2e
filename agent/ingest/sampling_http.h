// What Jaeger clients poll on 5778: /sampling, the same in an older form on /, and
// /baggageRestrictions, which jaeger-agent 1.53 never implemented. Bodies, codes and headers
// are its own. One thread to listen, a few to answer.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "agent/base/result.h"
#include "agent/ingest/sampling_strategy.h"
#include "agent/ingest/strategy_cache.h"

namespace tracelet::ingest {

class SamplingHttp {
 public:
  static constexpr size_t kThreads = 8;          // a question may wait for the collector
  static constexpr int kReadTimeoutSeconds = 2;  // the reference's

  // `strategies` must outlive it.
  static Result<std::unique_ptr<SamplingHttp>> Start(const std::string& listen, StrategyCache& strategies);
  ~SamplingHttp();

  void Stop();
  [[nodiscard]] uint16_t port() const;
  // Names and labels as in jaeger-agent.
  void AppendMetrics(std::string& out) const;

 private:
  struct Impl;
  explicit SamplingHttp(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tracelet::ingest
