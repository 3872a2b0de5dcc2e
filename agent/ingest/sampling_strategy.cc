#include "agent/ingest/sampling_strategy.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace tracelet::ingest {
namespace {

// As Go's encoding/json: the shortest digits that give the number back, no exponent
// between 1e-6 and 1e21.
std::string Number(double value) {
  const double size = std::fabs(value);
  const bool fixed = size == 0 || (size >= 1e-6 && size < 1e21);
  char digits[64];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value,
                                 fixed ? std::chars_format::fixed : std::chars_format::scientific);
  std::string text(digits, end.ptr);
  // 1e-07 is written 1e-7.
  if (const size_t zero = text.find("e-0"); zero != std::string::npos) text.erase(zero + 2, 1);
  return text;
}

// Go escapes what HTML would read, too.
std::string Quoted(const std::string& text) {
  const std::string json = nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::string escaped;
  for (const char c : json) {
    switch (c) {
      case '<':
        escaped += "\\u003c";
        break;
      case '>':
        escaped += "\\u003e";
        break;
      case '&':
        escaped += "\\u0026";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string Probabilistic(double rate) { return "{\"samplingRate\":" + Number(rate) + "}"; }

std::string Operations(const OperationStrategies& strategies) {
  std::string json = "{\"defaultSamplingProbability\":" + Number(strategies.default_probability) +
                     ",\"defaultLowerBoundTracesPerSecond\":" + Number(strategies.default_lower_bound) +
                     ",\"perOperationStrategies\":[";
  for (const OperationStrategy& operation : strategies.operations) {
    if (json.back() != '[') json += ',';
    json += "{\"operation\":" + Quoted(operation.operation) + ",\"probabilisticSampling\":" +
            (operation.sampling_rate ? Probabilistic(*operation.sampling_rate) : "null") + "}";
  }
  return json + "],\"defaultUpperBoundTracesPerSecond\":" + Number(strategies.default_upper_bound) + "}";
}

std::string Object(const Strategy& strategy, std::string_view type) {
  std::string json = "{\"strategyType\":" + std::string(type);
  if (strategy.sampling_rate) json += ",\"probabilisticSampling\":" + Probabilistic(*strategy.sampling_rate);
  if (strategy.max_traces_per_second) {
    json +=
        ",\"rateLimitingSampling\":{\"maxTracesPerSecond\":" + std::to_string(*strategy.max_traces_per_second) + "}";
  }
  if (strategy.operations) json += ",\"operationSampling\":" + Operations(*strategy.operations);
  return json + "}";
}

}  // namespace

std::string ToJson(const Strategy& strategy) {
  return Object(strategy, strategy.type == Strategy::Type::kProbabilistic ? "\"PROBABILISTIC\"" : "\"RATE_LIMITING\"");
}

std::optional<std::string> ToLegacyJson(const Strategy& strategy) {
  if (strategy.max_traces_per_second > std::numeric_limits<int16_t>::max()) return std::nullopt;
  return Object(strategy, strategy.type == Strategy::Type::kProbabilistic ? "0" : "1");
}

}  // namespace tracelet::ingest
