#include "agent/admin/admin_server.h"

#include <httplib.h>
#include <spdlog/fmt/fmt.h>

#include <chrono>
#include <ctime>
#include <utility>

#include "agent/admin/http_listen.h"
#include "agent/cli/version.h"

namespace tracelet::admin {
namespace {

constexpr size_t kThreads = 2;  // a scraper and a probe
constexpr time_t kReadTimeoutS = 5;
constexpr const char* kJson = "application/json";
constexpr const char* kText = "text/plain; charset=utf-8";
constexpr const char* kMetricsText = "text/plain; version=0.0.4; charset=utf-8";

int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// RFC 3339 with nanoseconds, as Go prints a time.
std::string FormatTime(int64_t unix_ns) {
  const time_t seconds = unix_ns / 1'000'000'000;
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
  return fmt::format("{}.{:09d}Z", text, unix_ns % 1'000'000'000);
}

// As Go prints a duration: "1h2m3.5s".
std::string FormatDuration(int64_t ns) {
  const int64_t seconds = ns / 1'000'000'000;
  std::string rest = fmt::format("{}s", static_cast<double>(ns % 60'000'000'000) / 1e9);
  if (seconds < 60) return rest;
  if (seconds < 3'600) return fmt::format("{}m{}", seconds / 60, rest);
  return fmt::format("{}h{}m{}", seconds / 3'600, seconds / 60 % 60, rest);
}

}  // namespace

AdminServer::AdminServer(AdminSources sources)
    : sources_(std::move(sources)), server_(std::make_unique<httplib::Server>()) {}

std::string AdminServer::StatusJson() const {
  if (!ready_) return R"({"status":"Server not available","upSince":"0001-01-01T00:00:00Z","uptime":""})";
  const int64_t since = ready_since_ns_;
  return fmt::format(R"({{"status":"Server available","upSince":"{}","uptime":"{}"}})", FormatTime(since),
                     FormatDuration(NowNs() - since));
}

void AdminServer::AddRoutes() {
  server_->Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
    std::string text;
    for (const auto& append : sources_.metrics) append(text);
    response.set_content(text, kMetricsText);
  });
  server_->Get("/healthz", [this](const httplib::Request&, httplib::Response& response) {
    const bool alive = sources_.alive();
    response.status = alive ? 200 : 503;
    response.set_content(alive ? "ok\n" : "the main loop is stuck\n", kText);
  });
  server_->Get("/readyz", [this](const httplib::Request&, httplib::Response& response) {
    response.status = ready_ ? 200 : 503;
    response.set_content(ready_ ? "ready\n" : "not ready\n", kText);
  });
  server_->Get("/version", [](const httplib::Request&, httplib::Response& response) {
    response.set_content(fmt::format(R"({{"gitCommit":"","gitVersion":"tracelet {}","buildDate":""}})", cli::kVersion),
                         kText);
  });
  const auto status = [this](const httplib::Request&, httplib::Response& response) {
    response.status = ready_ ? 200 : 503;
    response.set_content(StatusJson(), kJson);
  };
  server_->Get(".*", status);
  server_->Post(".*", status);
  server_->Put(".*", status);
  server_->Delete(".*", status);
}

Result<std::unique_ptr<AdminServer>> AdminServer::Start(const std::string& listen, AdminSources sources) {
  std::unique_ptr<AdminServer> admin(new AdminServer(std::move(sources)));
  httplib::Server& server = *admin->server_;
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server.set_read_timeout(kReadTimeoutS);
  server.set_write_timeout(kReadTimeoutS);
  server.set_keep_alive_timeout(kReadTimeoutS);
  server.set_tcp_nodelay(true);
  admin->AddRoutes();
  const auto port = ListenHttp(server, listen);
  if (!port) return port.error();
  admin->port_ = *port;
  admin->thread_ = std::thread([&server] { server.listen_after_bind(); });
  while (!server.is_running()) std::this_thread::yield();  // stop() before that would be lost
  return admin;
}

AdminServer::~AdminServer() {
  server_->stop();
  if (thread_.joinable()) thread_.join();
}

void AdminServer::SetReady(bool ready) {
  if (ready && !ready_) ready_since_ns_ = NowNs();
  ready_ = ready;
}

}  // namespace tracelet::admin
