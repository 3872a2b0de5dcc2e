// All that jaeger-agent offered to applications: the UDP ports and the sampling port.
// Start, Stop: one thread; AppendMetrics: any.
#pragma once

#include <memory>
#include <string>

#include "agent/base/result.h"
#include "agent/ingest/ingest.h"
#include "agent/ingest/sampling_http.h"
#include "agent/ingest/strategies_file.h"
#include "agent/ingest/strategy_cache.h"
#include "config/config.h"

namespace tracelet::ingest {

class JaegerAgent {
 public:
  // `sink` gets what comes in; `collector` is asked for strategies, null: there is none. Both
  // must outlive it.
  static Result<std::unique_ptr<JaegerAgent>> Start(const config::Ingest& config, BatchSink& sink,
                                                    StrategyProvider* collector);

  // Ends the sampling port, then hands on what the kernel holds of datagrams. A question
  // that waits for the collector is waited for, up to its timeout.
  void Stop();
  void AppendMetrics(std::string& out);
  [[nodiscard]] std::array<uint16_t, 3> ports() const { return ingest_->ports(); }

 private:
  JaegerAgent() = default;

  std::unique_ptr<StrategiesFile> file_;
  std::unique_ptr<StrategyCache> cache_;
  std::unique_ptr<SamplingHttp> sampling_;
  std::unique_ptr<Ingest> ingest_;
};

}  // namespace tracelet::ingest
