// Where other agents ask: tracelet.peer.v1.PeerService on [peer] listen. Who asks must show
// the installation's token, and, with [peer.tls], a certificate of its authority; both in
// any case, because a token alone is as good as the wire it travels on.
// gRPC's threads; the desk answers from the capture thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/base/result.h"
#include "agent/span/peer_link.h"
#include "config/config.h"

namespace tracelet::exporter {

class PeerServer {
 public:
  // False: too many questions wait.
  using OnAsked = std::function<bool(std::shared_ptr<span::PeerAsked>)>;

  static Result<std::unique_ptr<PeerServer>> Start(const config::Peer& config, std::string token, OnAsked on_asked);
  ~PeerServer();

  // Ends what is asked and not answered. Once.
  void Stop();
  // Calls without the token.
  [[nodiscard]] uint64_t denied() const;

 private:
  class Impl;
  explicit PeerServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tracelet::exporter
