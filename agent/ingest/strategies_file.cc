#include "agent/ingest/strategies_file.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

namespace tracelet::ingest {
namespace {

using nlohmann::json;

Strategy DefaultStrategy() {
  return {.sampling_rate = StrategiesFile::kDefaultProbability, .max_traces_per_second = {}, .operations = {}};
}

std::string Text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Strategy ParseStrategy(const json& object) {
  const std::string type = Text(object, "type");
  const auto param = object.find("param");
  const double value = param != object.end() && param->is_number() ? param->get<double>() : 0;
  Strategy strategy;
  if (type == "probabilistic") {
    strategy.sampling_rate = value;
  } else if (type == "ratelimiting") {
    strategy.type = Strategy::Type::kRateLimiting;
    strategy.max_traces_per_second = static_cast<int32_t>(std::clamp(value, 0.0, 2'147'483'647.0));
  } else {
    return DefaultStrategy();
  }
  return strategy;
}

// Of an operation only a probability counts.
void AddOperation(const json& object, OperationStrategies& operations) {
  const Strategy strategy = ParseStrategy(object);
  if (strategy.type == Strategy::Type::kRateLimiting) return;
  operations.operations.push_back({Text(object, "operation"), strategy.sampling_rate});
}

Strategy ParseService(const json& object) {
  Strategy strategy = ParseStrategy(object);
  const auto list = object.find("operation_strategies");
  if (list == object.end() || !list->is_array() || list->empty()) return strategy;
  OperationStrategies& operations = strategy.operations.emplace();
  operations.default_probability = strategy.sampling_rate.value_or(StrategiesFile::kDefaultProbability);
  for (const json& entry : *list) {
    if (entry.is_object()) AddOperation(entry, operations);
  }
  return strategy;
}

// The operations of the default strategy hold for each service that does not name them.
void Merge(const Strategy& defaults, Strategy& service) {
  if (!defaults.operations) return;
  if (!service.operations) {
    if (!service.sampling_rate) return;
    service.operations = defaults.operations;
    service.operations->default_probability = *service.sampling_rate;
    return;
  }
  auto& own = service.operations->operations;
  const size_t named = own.size();
  for (const OperationStrategy& operation : defaults.operations->operations) {
    const auto end = own.begin() + static_cast<ptrdiff_t>(named);
    const bool same =
        std::any_of(own.begin(), end, [&](const auto& mine) { return mine.operation == operation.operation; });
    if (!same) own.push_back(operation);
  }
}

}  // namespace

Result<std::unique_ptr<StrategiesFile>> StrategiesFile::Load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return SystemError("cannot read the sampling strategies in " + path);
  auto parsed = Parse({std::istreambuf_iterator<char>(file), {}});
  if (!parsed) return Error{path + ": " + parsed.error().message};
  return parsed;
}

Result<std::unique_ptr<StrategiesFile>> StrategiesFile::Parse(const std::string& text) {
  const json root = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object() && !root.is_null()) return Error{"not a JSON object with sampling strategies"};
  auto file = std::make_unique<StrategiesFile>();
  file->default_ = DefaultStrategy();
  if (root.is_null()) return file;
  if (const auto entry = root.find("default_strategy"); entry != root.end() && entry->is_object()) {
    file->default_ = ParseService(*entry);
  }
  const auto services = root.find("service_strategies");
  if (services == root.end() || !services->is_array()) return file;
  for (const json& entry : *services) {
    if (!entry.is_object()) continue;
    Strategy& strategy = file->services_[Text(entry, "service")];
    strategy = ParseService(entry);
    Merge(file->default_, strategy);
  }
  return file;
}

Result<Strategy> StrategiesFile::Get(const std::string& service) {
  const auto found = services_.find(service);
  return found == services_.end() ? default_ : found->second;
}

}  // namespace tracelet::ingest
