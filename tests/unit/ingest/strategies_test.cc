// Sampling strategies: their JSON, the file, and what answers without a collector.
#include <gtest/gtest.h>

#include "agent/ingest/strategies_file.h"
#include "agent/ingest/strategy_cache.h"

namespace tracelet::ingest {
namespace {

using namespace std::chrono_literals;

Strategy Rate(double rate) { return {.sampling_rate = rate, .max_traces_per_second = {}, .operations = {}}; }

TEST(SamplingStrategy, HasTheBodiesOfTheReference) {
  EXPECT_EQ(ToJson(Rate(0.001)), R"({"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.001}})");
  EXPECT_EQ(ToLegacyJson(Rate(0.001)), R"({"strategyType":0,"probabilisticSampling":{"samplingRate":0.001}})");
  Strategy limit{
      .type = Strategy::Type::kRateLimiting, .sampling_rate = {}, .max_traces_per_second = 5, .operations = {}};
  EXPECT_EQ(ToJson(limit), R"({"strategyType":"RATE_LIMITING","rateLimitingSampling":{"maxTracesPerSecond":5}})");
  EXPECT_EQ(ToLegacyJson(limit), R"({"strategyType":1,"rateLimitingSampling":{"maxTracesPerSecond":5}})");
  limit.max_traces_per_second = 32'767;
  EXPECT_TRUE(ToLegacyJson(limit));
  limit.max_traces_per_second = 32'768;
  EXPECT_FALSE(ToLegacyJson(limit));
  Strategy operations = Rate(0.8);
  operations.operations = OperationStrategies{.default_probability = 0.8, .operations = {{"op1", 0.2}}};
  EXPECT_EQ(
      ToJson(operations),
      R"({"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.8},"operationSampling":)"
      R"({"defaultSamplingProbability":0.8,"defaultLowerBoundTracesPerSecond":0,"perOperationStrategies":)"
      R"([{"operation":"op1","probabilisticSampling":{"samplingRate":0.2}}],"defaultUpperBoundTracesPerSecond":0}})");
}

TEST(SamplingStrategy, WritesNumbersAndTextAsGoDoes) {
  const auto rate = [](double value) {
    const std::string json = ToJson(Rate(value));
    const size_t begin = json.rfind(':') + 1;
    return json.substr(begin, json.size() - begin - 2);
  };
  EXPECT_EQ(rate(0), "0");
  EXPECT_EQ(rate(1), "1");
  EXPECT_EQ(rate(100'000'000), "100000000");
  EXPECT_EQ(rate(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(rate(0.000001), "0.000001");
  EXPECT_EQ(rate(0.0000001), "1e-7");
  EXPECT_EQ(rate(1.5e-12), "1.5e-12");
  EXPECT_EQ(rate(1e21), "1e+21");
  Strategy strategy;
  strategy.operations = OperationStrategies{.operations = {{"GET /a?b=<1>&c=\"\xff\"", std::nullopt}}};
  EXPECT_NE(ToJson(strategy).find(R"("operation":"GET /a?b=\u003c1\u003e\u0026c=\")"
                                  "\xef\xbf\xbd"
                                  R"(\"","probabilisticSampling":null)"),
            std::string::npos)
      << ToJson(strategy);
}

constexpr const char* kFile = R"({
  "service_strategies": [
    {"service": "foo", "type": "probabilistic", "param": 0.8,
     "operation_strategies": [{"operation": "op1", "type": "probabilistic", "param": 0.2},
                              {"operation": "op2", "type": "ratelimiting", "param": 5}]},
    {"service": "bar", "type": "ratelimiting", "param": 5},
    {"service": "plain", "type": "probabilistic", "param": 0.3}],
  "default_strategy": {"type": "probabilistic", "param": 0.5,
     "operation_strategies": [{"operation": "/health", "type": "probabilistic", "param": 0.0},
                              {"operation": "op1", "type": "probabilistic", "param": 0.9}]}})";

TEST(StrategiesFile, MergesAsJaegerDoes) {
  auto file = StrategiesFile::Parse(kFile);
  ASSERT_TRUE(file) << file.error().message;
  const auto json = [&](const char* service) { return ToJson(*(*file)->Get(service)); };
  EXPECT_EQ(
      json("foo"),
      R"({"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.8},"operationSampling":)"
      R"({"defaultSamplingProbability":0.8,"defaultLowerBoundTracesPerSecond":0,"perOperationStrategies":[)"
      R"({"operation":"op1","probabilisticSampling":{"samplingRate":0.2}},)"
      R"({"operation":"/health","probabilisticSampling":{"samplingRate":0}}],"defaultUpperBoundTracesPerSecond":0}})");
  EXPECT_EQ(json("bar"), R"({"strategyType":"RATE_LIMITING","rateLimitingSampling":{"maxTracesPerSecond":5}})");
  EXPECT_NE(json("plain").find(R"("defaultSamplingProbability":0.3)"), std::string::npos);
  EXPECT_NE(json("plain").find("/health"), std::string::npos);
  EXPECT_NE(json("unknown").find(R"("samplingRate":0.5)"), std::string::npos);
}

TEST(StrategiesFile, HasJaegersDefaultAndSaysWhatIsWrong) {
  EXPECT_EQ(*(*(*StrategiesFile::Parse("{}"))->Get("x")).sampling_rate, 0.001);
  EXPECT_EQ(*(*(*StrategiesFile::Parse(R"({"default_strategy":{"type":"odd"}})"))->Get("x")).sampling_rate, 0.001);
  EXPECT_FALSE(StrategiesFile::Parse("[]"));
  EXPECT_FALSE(StrategiesFile::Parse("{"));
  EXPECT_FALSE(StrategiesFile::Load("/nowhere/strategies.json"));
}

class FakeCollector : public StrategyProvider {
 public:
  Result<Strategy> Get(const std::string& /*service*/) override {
    ++calls;
    if (!up) return Error{"rpc error: code = Unavailable desc = away"};
    return Rate(rate);
  }
  bool up = true;
  double rate = 0.25;
  int calls = 0;
};

TEST(StrategyCache, AnswersFromMemoryWhileTheCollectorIsAway) {
  FakeCollector collector;
  StrategyCache cache(&collector, nullptr, 10);
  StrategyCache::Clock::time_point time{};
  const auto now = [&] { return time; };
  EXPECT_EQ(cache.Get("a", now)->sampling_rate, 0.25);
  collector.up = false;
  EXPECT_EQ(cache.Get("a", now)->sampling_rate, 0.25);
  EXPECT_EQ(cache.Get("a", now)->sampling_rate, 0.25);
  EXPECT_EQ(collector.calls, 2) << "it is left alone for a while";
  EXPECT_EQ(cache.counters().from_memory, 2U);
  const auto unknown = cache.Get("b", now);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().message, "rpc error: code = Unavailable desc = away");
  collector.up = true;
  collector.rate = 0.75;
  time += StrategyCache::kPause;
  EXPECT_EQ(cache.Get("a", now)->sampling_rate, 0.75);
  EXPECT_EQ(cache.counters().collector_failed, 2U);
  EXPECT_EQ(cache.counters().collector_ok, 2U);
}

TEST(StrategyCache, FallsBackToTheFile) {
  auto file = StrategiesFile::Parse(R"({"default_strategy":{"type":"probabilistic","param":0.125}})");
  FakeCollector collector;
  collector.up = false;
  StrategyCache cache(&collector, file->get(), 10);
  EXPECT_EQ(cache.Get("a")->sampling_rate, 0.125);
  EXPECT_EQ(cache.counters().from_file, 1U);
  StrategyCache alone(nullptr, file->get(), 10);
  EXPECT_EQ(alone.Get("a")->sampling_rate, 0.125);
  StrategyCache nothing(nullptr, nullptr, 10);
  EXPECT_FALSE(nothing.Get("a"));
}

TEST(StrategyCache, RemembersABoundedNumberOfServices) {
  FakeCollector collector;
  StrategyCache cache(&collector, nullptr, 3);
  StrategyCache::Clock::time_point time{};
  const auto now = [&] { return time; };
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(cache.Get(std::to_string(i), now));
  collector.up = false;
  int known = 0;
  for (int i = 0; i < 50; ++i) known += cache.Get(std::to_string(i), now) ? 1 : 0;
  EXPECT_EQ(known, 3);
}

}  // namespace
}  // namespace tracelet::ingest
