#include <gtest/gtest.h>

#include "agent/pipeline/red_metrics.h"
#include "agent/pipeline/redactor.h"
#include "agent/pipeline/resource_tagger.h"
#include "agent/pipeline/sampler.h"
#include "agent/span/attributes.h"
#include "tests/unit/exporter/spans.h"

namespace tracelet::pipeline {
namespace {

using exporter::Client;
using exporter::Server;

class Kept : public span::SpanSink {
 public:
  void OnSpan(std::shared_ptr<const span::Span> span) override { spans.push_back(std::move(span)); }
  void OnWatermark(uint64_t unix_ns) override { watermark = unix_ns; }
  std::vector<std::shared_ptr<const span::Span>> spans;
  uint64_t watermark = 0;
};

std::shared_ptr<span::Span> OfTrace(uint64_t low, const std::string& service) {
  auto span = Server(low | 1, 0, service, 0, 1);
  span->trace_id = {7, low};
  return span;
}

// An even walk over all trace ids.
uint64_t TraceId(uint64_t i) { return i * 0x9e3779b97f4a7c15ULL; }

TEST(Sampler, KeepsTheShareItIsToldAndAllSpansOfATraceTogether) {
  Kept kept;
  Sampler sampler({.ratio = 0.25, .services = {}, .parent_based = true}, kept);
  constexpr uint64_t kTraces = 10'000;
  for (uint64_t i = 0; i < kTraces; ++i) {
    const size_t before = kept.spans.size();
    for (const char* service : {"shop", "orders", "stock"}) sampler.OnSpan(OfTrace(TraceId(i), service));
    const size_t added = kept.spans.size() - before;
    EXPECT_TRUE(added == 0 || added == 3);
  }
  EXPECT_NEAR(static_cast<double>(kept.spans.size()) / (3 * kTraces), 0.25, 0.01);
  EXPECT_EQ(sampler.seen(), 3 * kTraces);
  EXPECT_EQ(sampler.left_out(), sampler.seen() - kept.spans.size());
  sampler.OnWatermark(5);
  EXPECT_EQ(kept.watermark, 5u);
}

TEST(Sampler, EndsOfTheScale) {
  for (uint64_t i = 0; i < 1'000; ++i) {
    EXPECT_TRUE(KeepTrace({0, TraceId(i)}, 1.0));
    EXPECT_FALSE(KeepTrace({0, TraceId(i)}, 0.0));
  }
  EXPECT_TRUE(KeepTrace({0, 0}, 1.0));
  EXPECT_FALSE(KeepTrace({0, ~0ull}, 0.0));
}

TEST(Sampler, AServiceWithMoreKeepsWhatOthersKeep) {
  for (uint64_t i = 0; i < 1'000; ++i) {
    if (KeepTrace({0, TraceId(i)}, 0.1)) {
      EXPECT_TRUE(KeepTrace({0, TraceId(i)}, 0.5));
    }
  }
  Kept kept;
  Sampler sampler({.ratio = 0, .services = {{"shop", 1}}, .parent_based = true}, kept);
  sampler.OnSpan(OfTrace(1, "shop"));
  sampler.OnSpan(OfTrace(1, "orders"));
  ASSERT_EQ(kept.spans.size(), 1u);
  EXPECT_EQ(kept.spans[0]->process->service_name, "shop");
}

TEST(Sampler, TheCallersFlagGoesFirstUnlessToldOtherwise) {
  Kept kept;
  Sampler sampler({.ratio = 0, .services = {}, .parent_based = true}, kept);
  auto wanted = OfTrace(1, "shop");
  wanted->sampled_by_caller = true;
  sampler.OnSpan(wanted);
  EXPECT_EQ(kept.spans.size(), 1u);
  sampler.Configure({.ratio = 1, .services = {}, .parent_based = true});
  auto unwanted = OfTrace(2, "shop");
  unwanted->sampled_by_caller = false;
  sampler.OnSpan(unwanted);
  EXPECT_EQ(kept.spans.size(), 1u);
  sampler.Configure({.ratio = 1, .services = {}, .parent_based = false});
  sampler.OnSpan(unwanted);
  EXPECT_EQ(kept.spans.size(), 2u);
}

TEST(Redactor, DropsAndMasksByKeyAndChangesNoSpanThatOthersHold) {
  Kept kept;
  Redactor redactor({.drop_attributes = {"url.*", "http.route"}, .mask_attributes = {"client.address"}}, kept);
  auto span = Server(1, 0, "shop", 0, 1);
  span->attributes = {{"url.full", "x"}, {"http.route", "/"}, {"http.route.x", "kept"}, {"client.address", int64_t{5}}};
  redactor.OnSpan(span);
  ASSERT_EQ(kept.spans.size(), 1u);
  const auto& attributes = kept.spans[0]->attributes;
  ASSERT_EQ(attributes.size(), 2u);
  EXPECT_EQ(attributes[0].key, "http.route.x");
  EXPECT_EQ(std::get<std::string>(attributes[1].value), "[redacted]");
  EXPECT_EQ(span->attributes.size(), 4u);
}

TEST(Redactor, PassesTheSameSpanWhenThereIsNothingToTake) {
  Kept kept;
  Redactor redactor({.drop_attributes = {"nothing"}, .mask_attributes = {}}, kept);
  auto span = Server(1, 0, "shop", 0, 1);
  redactor.OnSpan(span);
  EXPECT_EQ(kept.spans[0], span);
}

TEST(RedMetrics, CountsRequestsErrorsAndDurations) {
  Kept kept;
  RedMetrics metrics({}, kept);
  for (const uint64_t ms : {4, 5, 6, 70'000}) {
    auto span = Server(1, 0, "sh\"op", 0, ms);
    span->attributes.push_back({span::attributes::kHttpRoute, "/{id}"});
    metrics.OnSpan(span);
  }
  metrics.OnSpan(Client(2, 0, "shop", 0, 1));
  EXPECT_EQ(kept.spans.size(), 5u);
  std::string text;
  metrics.Render(text);
  const std::string labels =
      R"(service_name="sh\"op",http_request_method="GET",http_route="/{id}",http_response_status_code="200")";
  EXPECT_NE(text.find("http_server_request_duration_seconds_bucket{" + labels + ",le=\"0.005\"} 2\n"), text.npos);
  EXPECT_NE(text.find("http_server_request_duration_seconds_bucket{" + labels + ",le=\"10\"} 3\n"), text.npos);
  EXPECT_NE(text.find("http_server_request_duration_seconds_bucket{" + labels + ",le=\"+Inf\"} 4\n"), text.npos);
  EXPECT_NE(text.find("http_server_request_duration_seconds_sum{" + labels + "} 70.015\n"), text.npos) << text;
  EXPECT_NE(text.find("http_client_request_duration_seconds_count{"), text.npos);
}

TEST(RedMetrics, IsBounded) {
  Kept kept;
  RedMetrics metrics({.enabled = true, .max_series = 10}, kept);
  for (int i = 0; i < 1'000; ++i) metrics.OnSpan(Server(1, 0, "s" + std::to_string(i), 0, 1));
  EXPECT_EQ(metrics.overflowed(), 990u);
  std::string text;
  metrics.Render(text);
  EXPECT_NE(text.find("http_server_request_duration_seconds_count{service_name=\"{other}\"} 990\n"), text.npos);
}

TEST(ResourceTagger, ObservedFirstThenSaidThenConfigured) {
  process::ProcessInfo process;
  process.key.tgid = 5;
  process.comm = "java";
  process.resource_attributes = {"team=a", "host.name=x", "=", "nothing", "service.name=y"};
  const ResourceTagger tagger({.tags = {{"team", "b"}, {"zone", "z"}}}, "node-1");
  std::map<std::string, span::AttributeValue> attributes;
  for (const auto& attribute : tagger.Attributes(process)) {
    EXPECT_TRUE(attributes.emplace(attribute.key, attribute.value).second) << attribute.key;
  }
  EXPECT_EQ(std::get<std::string>(attributes.at("host.name")), "node-1");
  EXPECT_EQ(std::get<std::string>(attributes.at("team")), "a");
  EXPECT_EQ(std::get<std::string>(attributes.at("zone")), "z");
  EXPECT_EQ(std::get<int64_t>(attributes.at("process.pid")), 5);
  EXPECT_EQ(attributes.count("service.name"), 0u);
}

}  // namespace
}  // namespace tracelet::pipeline
