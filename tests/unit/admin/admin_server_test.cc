#include "agent/admin/admin_server.h"

#include <gtest/gtest.h>
#include <httplib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "agent/admin/agent_metrics.h"
#include "agent/admin/asked.h"
#include "tests/unit/exporter/certificates.h"

namespace tracelet::admin {
namespace {

class AdminServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    AdminSources sources;
    sources.alive = [this] { return alive_.load(); };
    sources.metrics.emplace_back([](std::string& out) { out += "a 1\n"; });
    sources.metrics.emplace_back([](std::string& out) { out += "b 2\n"; });
    auto started = AdminServer::Start({.listen = "127.0.0.1:0", .tls = {}}, std::move(sources));
    ASSERT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
    client_ = std::make_unique<httplib::Client>("127.0.0.1", server_->port());
  }
  httplib::Response Get(const std::string& path) {
    const auto result = client_->Get(path);
    EXPECT_TRUE(result) << path;
    return result ? *result : httplib::Response{};
  }

  std::atomic<bool> alive_{true};
  std::unique_ptr<AdminServer> server_;
  std::unique_ptr<httplib::Client> client_;
};

TEST_F(AdminServerTest, IsReadyOnlyWhenToldSo) {
  EXPECT_EQ(Get("/readyz").status, 503);
  EXPECT_EQ(Get("/").status, 503);
  EXPECT_EQ(Get("/").body, R"({"status":"Server not available","upSince":"0001-01-01T00:00:00Z","uptime":""})");
  server_->SetReady(true);
  EXPECT_EQ(Get("/readyz").status, 200);
  const auto any = Get("/whatever");
  EXPECT_EQ(any.status, 200);
  EXPECT_EQ(any.get_header_value("Content-Type"), "application/json");
  const auto json = nlohmann::json::parse(any.body);
  EXPECT_EQ(json["status"], "Server available");
  EXPECT_EQ(json["upSince"].get<std::string>().size(), std::string("2026-11-20T18:09:10.603976453Z").size());
  EXPECT_EQ(json["uptime"].get<std::string>().back(), 's');
  server_->SetReady(false);
  EXPECT_EQ(Get("/readyz").status, 503);
}

TEST(AdminServerTls, AnswersWhoHasACertificateOfTheAuthority) {
  const exporter::Authority authority;
  const auto folder = std::filesystem::temp_directory_path() / ("tracelet-admin-" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  const auto write = [&](const char* name, const std::string& text) {
    std::ofstream(folder / name) << text;
    return (folder / name).string();
  };
  const auto [cert, key] = authority.Sign("localhost");
  config::Admin config{.listen = "127.0.0.1:0", .tls = {}};
  config.tls = {.enabled = true,
                .cert_file = write("cert", cert),
                .key_file = write("key", key),
                .client_ca_file = write("ca", authority.cert()),
                .min_version = "1.3",
                .max_version = ""};
  AdminSources sources;
  sources.alive = [] { return true; };
  const auto server = AdminServer::Start(config, std::move(sources));
  ASSERT_TRUE(server) << server.error().message;

  httplib::SSLClient known("localhost", (*server)->port(), config.tls.cert_file, config.tls.key_file);
  known.set_ca_cert_path(config.tls.client_ca_file.c_str());
  const auto answer = known.Get("/healthz");
  ASSERT_TRUE(answer) << httplib::to_string(answer.error());
  EXPECT_EQ(answer->status, 200);

  httplib::SSLClient unknown("localhost", (*server)->port());
  unknown.enable_server_certificate_verification(false);
  EXPECT_FALSE(unknown.Get("/healthz"));

  config.tls.key_file = config.tls.client_ca_file;
  EXPECT_FALSE(AdminServer::Start(config, {}));
  std::filesystem::remove_all(folder);
}

TEST_F(AdminServerTest, HealthIsTheMainLoops) {
  EXPECT_EQ(Get("/healthz").status, 200);
  alive_ = false;
  EXPECT_EQ(Get("/healthz").status, 503);
}

TEST_F(AdminServerTest, MetricsComeFromAllSources) {
  const auto metrics = Get("/metrics");
  EXPECT_EQ(metrics.body, "a 1\nb 2\n");
  EXPECT_EQ(metrics.get_header_value("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
}

TEST_F(AdminServerTest, APortThatIsTakenIsAnError) {
  auto second = AdminServer::Start({.listen = "127.0.0.1:" + std::to_string(server_->port()), .tls = {}}, {});
  EXPECT_FALSE(second);
}

TEST(Asked, IsAnsweredByItsOwner) {
  Asked asked;
  std::atomic<bool> over{false};
  std::thread owner([&] {
    for (int i = 0; !over; ++i) {
      asked.AnswerIfAsked([&] { return std::to_string(i); });
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  const int first = std::stoi(asked.Ask(std::chrono::seconds(10)));
  EXPECT_GT(std::stoi(asked.Ask(std::chrono::seconds(10))), first);
  EXPECT_LT(asked.Silence(), std::chrono::seconds(5));
  over = true;
  owner.join();
  const std::string stale = asked.Ask(std::chrono::milliseconds(5));
  EXPECT_FALSE(stale.empty());
}

TEST(AgentMetrics, EachNameIsDeclaredOnceAndLedgersAddUp) {
  exporter::ExportLedger ledger;
  ledger.accepted = 10;
  ledger.exported = 6;
  ledger.held = 1;
  ledger.dropped.Add(exporter::ExportDrop::kQueueFull, 3);
  std::string text;
  AppendBuildInfo(text);
  AppendKernel({.attempted = 5, .ring_full = 2, .consumed = 3}, text);
  AppendExporters({{"jaeger", ledger}, {"otlp", ledger}}, text);
  EXPECT_NE(text.find("tracelet_kernel_records_dropped_total{reason=\"ring_full\"} 2\n"), text.npos);
  EXPECT_NE(text.find("tracelet_exporter_spans_dropped_total{exporter=\"otlp\",reason=\"queue_full\"} 3\n"), text.npos);
  std::istringstream lines(text);
  std::set<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("# TYPE ", 0) != 0) continue;
    EXPECT_TRUE(names.insert(line).second) << line;
  }
  EXPECT_GT(names.size(), 10u);
}

}  // namespace
}  // namespace tracelet::admin
