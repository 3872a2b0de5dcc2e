#include "exporter/grpc/grpc_sender.h"

#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "exporter/registry.h"
#include "tests/unit/exporter/grpc/collector.h"
#include "tests/unit/exporter/waiting.h"

namespace tracelet::exporter {
namespace {

using std::chrono::milliseconds;
using Clock = Sender::Clock;

config::Config ForJaeger(const std::vector<std::string>& endpoints) {
  config::Config config;
  config.exporter.jaeger.endpoints = endpoints;
  config.exporter.jaeger.delivery.batch_age_ms = 5;
  config.exporter.jaeger.delivery.timeout_ms = 300;
  config.exporter.jaeger.delivery.initial_backoff_ms = 10;
  config.exporter.jaeger.delivery.max_backoff_ms = 50;
  return config;
}

config::Config ForOtlp(const std::vector<std::string>& endpoints) {
  config::Config config = ForJaeger({});
  config.exporter.otlp.delivery = config.exporter.jaeger.delivery;
  config.exporter.otlp.endpoints = endpoints;
  return config;
}

std::unique_ptr<ExportWorker> Start(const config::Config& config) {
  auto workers = StartWorkers(config, "node-1");
  EXPECT_TRUE(workers) << workers.error().message;
  EXPECT_EQ(workers->size(), 1u);
  return std::move(workers->front());
}

TEST(GrpcSender, DeliversToJaegerAndOtlpWithHeadersAndGzip) {
  Collector collector;
  config::Config jaeger = ForJaeger({collector.address()});
  jaeger.exporter.jaeger.headers = {{"authorization", "Bearer t"}};
  jaeger.exporter.jaeger.gzip = true;
  auto worker = Start(jaeger);
  Offer(*worker, 100);
  worker->Finish(Clock::now() + std::chrono::seconds(10));
  EXPECT_EQ(collector.spans(), 100u);
  EXPECT_EQ(worker->ledger().exported, 100u);
  EXPECT_EQ(collector.header("authorization"), "Bearer t");
  EXPECT_EQ(collector.header("user-agent").rfind("tracelet/", 0), 0u) << collector.header("user-agent");

  auto otlp = Start(ForOtlp({"localhost:" + std::to_string(collector.port())}));
  Offer(*otlp, 50);
  otlp->Finish(Clock::now() + std::chrono::seconds(10));
  EXPECT_EQ(collector.spans(), 150u);
}

// Which statuses are worth another try: OTLP's list, and Jaeger's.
TEST(GrpcSender, TriesAgainForRetryableCodesOnly) {
  using enum grpc::StatusCode;
  const std::set<int> otlp_retries = {CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS};
  const std::set<int> jaeger_retries = {CANCELLED, DEADLINE_EXCEEDED, ABORTED, UNAVAILABLE, RESOURCE_EXHAUSTED};
  Collector collector;
  for (const bool otlp : {true, false}) {
    auto worker = Start(otlp ? ForOtlp({collector.address()}) : ForJaeger({collector.address()}));
    for (int code = 1; code <= 16; ++code) {
      collector.Answer({static_cast<grpc::StatusCode>(code), "no"});
      const auto before = worker->ledger();
      Offer(*worker, 3);
      const bool retried = (otlp ? otlp_retries : jaeger_retries).count(code) > 0;
      if (retried) {
        Await([&] { return worker->ledger().failed_calls >= before.failed_calls + 2; });
        EXPECT_EQ(worker->ledger().held, 3u) << code;
        collector.Answer(grpc::Status::OK);
      }
      Await([&] { return worker->ledger().held == 0; });
      const uint64_t rejected = worker->ledger().dropped[ExportDrop::kRejected];
      EXPECT_EQ(rejected - before.dropped[ExportDrop::kRejected], retried ? 0u : 3u) << GrpcCodeName(code);
    }
    collector.Answer(grpc::Status::OK);
  }
}

TEST(GrpcSender, WaitsAsLongAsTheCollectorAsksFor) {
  Collector collector;
  collector.Answer(Busy(1));
  auto worker = Start(ForOtlp({collector.address()}));
  Offer(*worker, 1);
  Await([&] { return worker->ledger().failed_calls == 1; });
  const auto begin = Clock::now();
  collector.Answer(grpc::Status::OK);
  Await([&] { return worker->ledger().exported == 1; });
  EXPECT_GE(Clock::now() - begin, milliseconds(800));
}

TEST(GrpcSender, CountsSpansThatAReceiverDidNotKeep) {
  Collector collector;
  collector.RefuseSpans(2);
  auto worker = Start(ForOtlp({collector.address()}));
  Offer(*worker, 5);
  worker->Finish(Clock::now() + std::chrono::seconds(10));
  EXPECT_EQ(worker->ledger().exported, 3u);
  EXPECT_EQ(worker->ledger().dropped[ExportDrop::kRejected], 2u);
}

TEST(GrpcSender, SurvivesACollectorThatIsHungThenBack) {
  Collector collector;
  collector.Hang(true);
  auto worker = Start(ForJaeger({collector.address()}));
  Offer(*worker, 20);
  Await([&] { return worker->ledger().failed_calls >= 2; });
  EXPECT_EQ(worker->ledger().held, 20u);
  collector.Hang(false);
  Await([&] { return worker->ledger().exported == 20; });
  EXPECT_EQ(worker->ledger().dropped.Total(), 0u);
}

TEST(GrpcSender, SurvivesACollectorThatIsDownThenRestarted) {
  auto collector = std::make_unique<Collector>();
  const int port = collector->port();
  auto worker = Start(ForJaeger({collector->address()}));
  Offer(*worker, 10);
  Await([&] { return worker->ledger().exported == 10; });
  collector.reset();
  Offer(*worker, 30);
  Await([&] { return worker->ledger().failed_calls >= 3; });
  EXPECT_FALSE(worker->ledger().reachable);
  collector = std::make_unique<Collector>(port);
  Await([&] { return worker->ledger().exported == 40; });
  EXPECT_EQ(collector->spans(), 30u);
  EXPECT_EQ(worker->ledger().dropped.Total(), 0u);
}

TEST(GrpcSender, TakesTurnsAndPassesByWhatIsDown) {
  Collector first;
  Collector second;
  auto worker = Start(ForJaeger({first.address(), "127.0.0.1:1", second.address()}));
  for (int batch = 0; batch < 12; ++batch) {
    Offer(*worker, 1);
    Await([&] { return worker->ledger().held == 0; });
  }
  EXPECT_EQ(worker->ledger().exported, 12u);
  EXPECT_GE(first.calls(), 4);
  EXPECT_GE(second.calls(), 4);
  EXPECT_EQ(worker->ledger().failed_calls, 0u);  // the one that is down cost no wait
}

TEST(GrpcSender, StopsInTimeWithAHungCollector) {
  Collector collector;
  collector.Hang(true);
  config::Config config = ForJaeger({collector.address()});
  config.exporter.jaeger.delivery.timeout_ms = 60'000;
  auto worker = Start(config);
  Offer(*worker, 7);
  Await([&] { return collector.calls() == 1; });
  const auto begin = Clock::now();
  worker->Finish(begin + milliseconds(200));
  EXPECT_LT(Clock::now() - begin, milliseconds(1'500));
  EXPECT_EQ(worker->ledger().dropped[ExportDrop::kShutdown], 7u);
}

}  // namespace
}  // namespace tracelet::exporter
