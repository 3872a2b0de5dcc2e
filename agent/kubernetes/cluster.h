// What this agent knows of its cluster: the pods of its node, and who answers at which
// address. Two or three watches, a thread each, start in the constructor; Stop() ends them.
// The rest: any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/kubernetes/peer_table.h"
#include "agent/kubernetes/pod_table.h"
#include "agent/kubernetes/watch.h"
#include "config/config.h"

namespace tracelet::kubernetes {

class Cluster {
 public:
  // `host_name`: of the node, where neither the configuration nor $NODE_NAME says another.
  Cluster(const config::Kubernetes& config, const std::string& host_name);
  ~Cluster() { Stop(); }

  void Stop();

  [[nodiscard]] const std::string& node() const { return node_; }
  [[nodiscard]] const PodTable& pods() const { return pods_; }
  [[nodiscard]] const PeerTable& peers() const { return peers_; }
  // The API server was not heard for config.stale_after_s.
  [[nodiscard]] bool Stale() const;
  void AppendMetrics(std::string& out) const;

 private:
  void FollowPods();
  void FollowPeers(const std::string& kind, const std::string& path, Addresses (*read)(const nlohmann::json&));

  const config::Kubernetes config_;
  const std::string node_;
  PodTable pods_;
  PeerTable peers_;
  std::vector<std::unique_ptr<Watch>> watches_;  // the pods' first
};

}  // namespace tracelet::kubernetes
