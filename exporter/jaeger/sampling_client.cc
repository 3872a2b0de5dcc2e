#include "exporter/jaeger/sampling_client.h"

#include "exporter/proto/jaeger/sampling.pb.h"

namespace tracelet::exporter {
namespace {

namespace api = jaeger::api_v2;

constexpr const char* kMethod = "/jaeger.api_v2.SamplingManager/GetSamplingStrategy";

// As gRPC for Go says it, which is what clients of jaeger-agent have in their logs.
std::string GoName(int code) {
  static constexpr const char* kNames[] = {
      "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
      "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
      "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
      "DataLoss", "Unauthenticated"};
  const auto index = static_cast<size_t>(code);
  return index < std::size(kNames) ? kNames[index] : "Code(" + std::to_string(code) + ")";
}

ingest::OperationStrategies Convert(const api::PerOperationSamplingStrategies& from) {
  ingest::OperationStrategies to;
  to.default_probability = from.defaultsamplingprobability();
  to.default_lower_bound = from.defaultlowerboundtracespersecond();
  to.default_upper_bound = from.defaultupperboundtracespersecond();
  for (const auto& strategy : from.peroperationstrategies()) {
    auto& operation = to.operations.emplace_back();
    operation.operation = strategy.operation();
    if (strategy.has_probabilisticsampling()) operation.sampling_rate = strategy.probabilisticsampling().samplingrate();
  }
  return to;
}

ingest::Strategy Convert(const api::SamplingStrategyResponse& from) {
  ingest::Strategy to;
  if (from.strategytype() == api::RATE_LIMITING) to.type = ingest::Strategy::Type::kRateLimiting;
  if (from.has_probabilisticsampling()) to.sampling_rate = from.probabilisticsampling().samplingrate();
  if (from.has_ratelimitingsampling()) to.max_traces_per_second = from.ratelimitingsampling().maxtracespersecond();
  if (from.has_operationsampling()) to.operations = Convert(from.operationsampling());
  return to;
}

}  // namespace

SamplingClient::SamplingClient(const config::Jaeger& config, std::chrono::milliseconds timeout) : timeout_(timeout) {
  for (GrpcOptions& options : GrpcEndpoints(config)) {
    collectors_.push_back(std::make_unique<GrpcClient>(std::move(options)));
  }
}

SamplingClient::~SamplingClient() { Cancel(); }

void SamplingClient::Cancel() {
  for (const auto& collector : collectors_) collector->Cancel();
}

Result<ingest::Strategy> SamplingClient::Get(const std::string& service) {
  api::SamplingStrategyParameters question;
  question.set_servicename(service);
  const auto request = std::make_shared<const std::string>(question.SerializeAsString());
  const auto deadline = GrpcClient::Clock::now() + timeout_;
  const size_t first = turn_.load();
  GrpcResult result;
  for (size_t i = 0; i < collectors_.size(); ++i) {
    const size_t index = (first + i) % collectors_.size();
    result = collectors_[index]->Call(kMethod, request, deadline);
    if (!result.ok()) {
      turn_.store(index + 1);
      continue;
    }
    turn_.store(index);
    api::SamplingStrategyResponse response;
    if (response.ParseFromString(result.response)) return Convert(response);
    return Error{"rpc error: code = Internal desc = the answer is not a sampling strategy"};
  }
  return Error{"rpc error: code = " + GoName(result.code) + " desc = " + result.message};
}

}  // namespace tracelet::exporter
