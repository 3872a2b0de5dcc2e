// Asks the collectors of [exporter.jaeger] how a service shall sample:
// SamplingManager/GetSamplingStrategy. Connections of its own, so that no queue of spans
// stands in its way. Any thread; waits up to the timeout, for all collectors together.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

#include "agent/ingest/sampling_strategy.h"
#include "config/config.h"
#include "exporter/grpc/grpc_client.h"

namespace tracelet::exporter {

class SamplingClient : public ingest::StrategyProvider {
 public:
  SamplingClient(const config::Jaeger& config, std::chrono::milliseconds timeout);
  ~SamplingClient() override;

  Result<ingest::Strategy> Get(const std::string& service) override;
  // Ends questions in flight and every later one.
  void Cancel();

 private:
  std::vector<std::unique_ptr<GrpcClient>> collectors_;
  std::chrono::milliseconds timeout_;
  std::atomic<size_t> turn_{0};  // the one that answered last
};

}  // namespace tracelet::exporter
