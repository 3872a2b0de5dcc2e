// TLS to a collector: as it should be, as it should not, and with files that are replaced.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "exporter/registry.h"
#include "tests/unit/exporter/certificates.h"
#include "tests/unit/exporter/grpc/collector.h"
#include "tests/unit/exporter/waiting.h"

namespace tracelet::exporter {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

class GrpcTlsTest : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(directory_); }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ / name) << text;
    return directory_ / name;
  }
  // A collector that shows a certificate of `authority`, and wants one of its clients.
  static std::unique_ptr<Collector> Serve(const Authority& authority, int port = 0) {
    const Authority::Pair pair = authority.Sign("collector.test");
    grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = authority.cert();
    options.pem_key_cert_pairs.push_back({pair.key, pair.cert});
    return std::make_unique<Collector>(port, grpc::SslServerCredentials(options));
  }
  void WriteClient(const Authority& authority) {
    const Authority::Pair pair = authority.Sign("agent.test");
    tls_.enabled = true;
    tls_.ca_file = Write("ca.pem", authority.cert());
    tls_.cert_file = Write("cert.pem", pair.cert);
    tls_.key_file = Write("key.pem", pair.key);
    tls_.server_name = "collector.test";
  }
  std::unique_ptr<ExportWorker> Start(const Collector& collector) const {
    config::Config config;
    config.exporter.jaeger.endpoints = {collector.address()};
    config.exporter.jaeger.tls = tls_;
    config.exporter.jaeger.delivery.batch_age_ms = 5;
    config.exporter.jaeger.delivery.timeout_ms = 1'000;
    config.exporter.jaeger.delivery.initial_backoff_ms = 10;
    config.exporter.jaeger.delivery.max_backoff_ms = 50;
    auto workers = StartWorkers(config, "node-1");
    EXPECT_TRUE(workers) << workers.error().message;
    return std::move(workers->front());
  }
  // Nothing is delivered, nothing is lost, and the end is in time.
  static void ExpectHeld(ExportWorker& worker) {
    Offer(worker, 5);
    Await([&] { return worker.ledger().failed_calls >= 2; });
    EXPECT_EQ(worker.ledger().held, 5u);
    EXPECT_FALSE(worker.ledger().reachable);
    const auto begin = Clock::now();
    worker.Finish(begin + milliseconds(300));
    EXPECT_LT(Clock::now() - begin, milliseconds(2'000));
    EXPECT_EQ(worker.ledger().dropped[ExportDrop::kShutdown], 5u);
  }

  const Authority authority_;
  const Authority stranger_;
  config::Tls tls_;
  const std::filesystem::path directory_ =
      std::filesystem::temp_directory_path() / ("grpc_tls_test." + std::to_string(getpid()));
};

TEST_F(GrpcTlsTest, BothSidesShowWhoTheyAre) {
  const auto collector = Serve(authority_);
  WriteClient(authority_);
  auto worker = Start(*collector);
  Offer(*worker, 5);
  Await([&] { return worker->ledger().exported == 5; });
  EXPECT_EQ(worker->ledger().failed_calls, 0u);
}

TEST_F(GrpcTlsTest, ACollectorOfAnotherAuthorityGetsNothing) {
  const auto collector = Serve(stranger_);
  WriteClient(authority_);
  auto worker = Start(*collector);
  ExpectHeld(*worker);
  EXPECT_EQ(collector->calls(), 0);
}

TEST_F(GrpcTlsTest, ACollectorOfAnotherNameGetsNothing) {
  const auto collector = Serve(authority_);
  WriteClient(authority_);
  tls_.server_name = "elsewhere.test";
  auto worker = Start(*collector);
  ExpectHeld(*worker);
  EXPECT_EQ(collector->calls(), 0);
}

TEST_F(GrpcTlsTest, APlainTextCollectorGetsNothing) {
  const Collector collector;
  WriteClient(authority_);
  auto worker = Start(collector);
  ExpectHeld(*worker);
  EXPECT_EQ(collector.calls(), 0);
}

TEST_F(GrpcTlsTest, PlainTextGetsNothingFromATlsCollector) {
  const auto collector = Serve(authority_);
  auto worker = Start(*collector);
  ExpectHeld(*worker);
}

TEST_F(GrpcTlsTest, FilesMayComeLate) {
  const auto collector = Serve(authority_);
  tls_ = {.enabled = true,
          .ca_file = directory_ / "ca.pem",
          .cert_file = directory_ / "cert.pem",
          .key_file = directory_ / "key.pem",
          .server_name = "collector.test"};
  auto worker = Start(*collector);
  Offer(*worker, 5);
  Await([&] { return worker->ledger().failed_calls >= 2; });
  WriteClient(authority_);
  Await([&] { return worker->ledger().exported == 5; });
}

// As when a certificate ran out and is renewed: no restart, no signal, nothing lost.
TEST_F(GrpcTlsTest, ReplacedFilesAreTakenWithoutARestart) {
  auto collector = Serve(authority_);
  const int port = collector->port();
  WriteClient(authority_);
  auto worker = Start(*collector);
  Offer(*worker, 5);
  Await([&] { return worker->ledger().exported == 5; });

  collector.reset();
  collector = Serve(stranger_, port);
  Offer(*worker, 7);
  Await([&] { return worker->ledger().failed_calls >= 2; });
  WriteClient(stranger_);
  Await([&] { return worker->ledger().exported == 12; });
  EXPECT_EQ(worker->ledger().dropped.Total(), 0u);
}

}  // namespace
}  // namespace tracelet::exporter
