// All that this agent needs to ask the agents of other nodes and to be asked by them:
// who they are, the desk, the server. What runs is what [peer] names.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "agent/base/result.h"
#include "agent/peer/desk.h"
#include "agent/peer/directory.h"
#include "agent/peer/installation_key.h"
#include "config/config.h"
#include "exporter/peer/peer_server.h"

namespace tracelet::exporter {

class Peers {
 public:
  // Null when nobody is asked and nobody may ask. `more` knows further agents (Kubernetes); it is
  // asked after [peer] agents and before [peer] service; may be null.
  static Result<std::unique_ptr<Peers>> Start(const config::Peer& config, const peer::Secrets& secrets,
                                              std::shared_ptr<const peer::Directory> more = nullptr);
  ~Peers() { Stop(); }

  // Capture thread; lives as long as this.
  [[nodiscard]] span::PeerLink& link() { return *desk_; }
  void AppendMetrics(std::string& out) const;
  // Nobody asks, nobody is asked. Any number of times.
  void Stop();

 private:
  Peers() = default;
  void RefreshNow();
  void RefreshForever(std::chrono::seconds every);

  std::shared_ptr<peer::ServiceDirectory> service_;  // null: none
  std::unique_ptr<peer::Desk> desk_;
  std::unique_ptr<PeerServer> server_;  // null: nobody may ask
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  bool complained_ = false;
  std::thread refresher_;
};

}  // namespace tracelet::exporter
