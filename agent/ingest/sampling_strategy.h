// How a Jaeger client shall sample, and its two JSON forms, byte for byte as jaeger-agent
// 1.53 writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/result.h"

namespace tracelet::ingest {

struct OperationStrategy {
  std::string operation;
  std::optional<double> sampling_rate;
};

struct OperationStrategies {
  double default_probability = 0;
  double default_lower_bound = 0;  // traces per second
  std::vector<OperationStrategy> operations;
  double default_upper_bound = 0;
};

struct Strategy {
  enum class Type : uint8_t { kProbabilistic, kRateLimiting };

  Type type = Type::kProbabilistic;
  std::optional<double> sampling_rate;
  std::optional<int32_t> max_traces_per_second;
  std::optional<OperationStrategies> operations;
};

// For /sampling: the type is a name.
std::string ToJson(const Strategy& strategy);
// For /: the type is a number, as Thrift 0.9.2 had it, which jaeger-client for Java reads.
// Fails where that form cannot say it: it has 16 bits for traces per second.
std::optional<std::string> ToLegacyJson(const Strategy& strategy);

// Answers by service. Any thread.
class StrategyProvider {
 public:
  virtual ~StrategyProvider() = default;
  // An error is a sentence for the client's log.
  virtual Result<Strategy> Get(const std::string& service) = 0;
};

}  // namespace tracelet::ingest
