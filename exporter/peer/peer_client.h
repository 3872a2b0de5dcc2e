// Questions over gRPC: tracelet.peer.v1.PeerService. A connection for each agent, made
// when it is first asked, and forgotten when it was not asked for a while. Any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "agent/peer/transport.h"
#include "config/config.h"
#include "exporter/grpc/grpc_client.h"

namespace tracelet::exporter {

class PeerClient : public peer::Transport {
 public:
  static constexpr size_t kMaxConnections = 1'024;  // then those that were used longest ago are closed
  PeerClient(const config::Peer& config, std::string token) : config_(config), token_(std::move(token)) {}
  ~PeerClient() override { Stop(); }

  void Ask(const std::string& endpoint, std::vector<span::MessageName> names, Done done) override;
  void Stop() override;

 private:
  struct Connection {
    std::shared_ptr<GrpcClient> client;
    GrpcClient::Clock::time_point used;
  };
  std::shared_ptr<GrpcClient> ClientOf(const std::string& endpoint);

  const config::Peer config_;
  const std::string token_;
  std::mutex mutex_;
  std::map<std::string, Connection> connections_;
};

}  // namespace tracelet::exporter
