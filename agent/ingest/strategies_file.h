// Sampling strategies from a file, in the JSON of Jaeger's --sampling.strategies-file:
// default_strategy, service_strategies, operation_strategies, merged as Jaeger 1.53 does.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "agent/ingest/sampling_strategy.h"

namespace tracelet::ingest {

// Immutable.
class StrategiesFile : public StrategyProvider {
 public:
  static constexpr double kDefaultProbability = 0.001;  // where the file says nothing

  static Result<std::unique_ptr<StrategiesFile>> Load(const std::string& path);
  // `json` is the content.
  static Result<std::unique_ptr<StrategiesFile>> Parse(const std::string& json);

  Result<Strategy> Get(const std::string& service) override;

 private:
  Strategy default_;
  std::map<std::string, Strategy> services_;
};

}  // namespace tracelet::ingest
