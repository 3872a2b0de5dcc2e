#include "agent/admin/admin_server.h"

#include <httplib.h>
#include <spdlog/fmt/fmt.h>

#include <chrono>
#include <ctime>
#include <map>
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

// "1.2" -> TLS1_2_VERSION; 0: OpenSSL's own limit.
int TlsVersion(const std::string& text) {
  static const std::map<std::string, int> kVersions = {
      {"1.0", TLS1_VERSION}, {"1.1", TLS1_1_VERSION}, {"1.2", TLS1_2_VERSION}, {"1.3", TLS1_3_VERSION}};
  const auto found = kVersions.find(text);
  return found == kVersions.end() ? 0 : found->second;
}

Result<std::unique_ptr<httplib::Server>> MakeServer(const config::AdminTls& tls) {
  if (!tls.enabled) return std::make_unique<httplib::Server>();
  const char* const client_ca = tls.client_ca_file.empty() ? nullptr : tls.client_ca_file.c_str();
  auto server = std::make_unique<httplib::SSLServer>(tls.cert_file.c_str(), tls.key_file.c_str(), client_ca);
  if (!server->is_valid()) return Error{"[admin.tls]: cannot use " + tls.cert_file + " with " + tls.key_file};
  SSL_CTX_set_min_proto_version(server->ssl_context(), TlsVersion(tls.min_version));
  SSL_CTX_set_max_proto_version(server->ssl_context(), TlsVersion(tls.max_version));
  return std::unique_ptr<httplib::Server>(std::move(server));
}

}  // namespace

AdminServer::AdminServer(AdminSources sources, std::unique_ptr<httplib::Server> server)
    : sources_(std::move(sources)), server_(std::move(server)) {}

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

Result<std::unique_ptr<AdminServer>> AdminServer::Start(const config::Admin& config, AdminSources sources) {
  auto made = MakeServer(config.tls);
  if (!made) return made.error();
  std::unique_ptr<AdminServer> admin(new AdminServer(std::move(sources), std::move(*made)));
  httplib::Server& server = *admin->server_;
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server.set_read_timeout(kReadTimeoutS);
  server.set_write_timeout(kReadTimeoutS);
  server.set_keep_alive_timeout(kReadTimeoutS);
  server.set_tcp_nodelay(true);
  admin->AddRoutes();
  const auto port = ListenHttp(server, config.listen);
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
