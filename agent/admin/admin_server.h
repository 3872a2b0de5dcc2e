// The admin port, over HTTP or HTTPS, at the place of jaeger-agent's (14271):
//   /metrics   Prometheus' text format
//   /healthz   200 while the agent's main loop turns; 503 when it has not for kStuck
//   /readyz    200 while it captures and receives; 503 before and at the end
//   /version   JSON
//   any other  what jaeger-agent answers: {"status":...,"upSince":...,"uptime":...}, 200 or 503 as /readyz
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "agent/base/result.h"
#include "config/config.h"

namespace httplib {
class Server;
}  // namespace httplib

namespace tracelet::admin {

// What the server asks, on its own threads.
struct AdminSources {
  std::vector<std::function<void(std::string& out)>> metrics;  // each appends its lines
  std::function<bool()> alive;
};

class AdminServer {
 public:
  // Listens at once, not ready yet.
  static Result<std::unique_ptr<AdminServer>> Start(const config::Admin& config, AdminSources sources);
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  void SetReady(bool ready);
  [[nodiscard]] int port() const { return port_; }

 private:
  AdminServer(AdminSources sources, std::unique_ptr<httplib::Server> server);
  void AddRoutes();
  [[nodiscard]] std::string StatusJson() const;

  const AdminSources sources_;
  std::atomic<bool> ready_{false};
  std::atomic<int64_t> ready_since_ns_{0};  // CLOCK_REALTIME
  int port_ = 0;
  std::unique_ptr<httplib::Server> server_;
  std::thread thread_;
};

}  // namespace tracelet::admin
