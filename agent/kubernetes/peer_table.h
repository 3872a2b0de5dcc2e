// Who answers at an address: Services by ClusterIP and port, pods behind them by address
// and port, and this node's pods by address alone. Ports are part of it because pods on
// the host's network share the node's address with everything else there.
//
// An address that changes hands names nobody for spans that began before it did. Two who
// claim one address are no name, except for what they agree on (one pod behind two
// Services). Any thread. Bounded by config::Kubernetes.max_addresses.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/kubernetes/objects.h"
#include "agent/kubernetes/pod.h"

namespace tracelet::kubernetes {

class PeerTable {
 public:
  explicit PeerTable(size_t max_addresses) : max_addresses_(max_addresses) {}

  // All that `owner` ("kind/namespace/name") answers at, in the place of what it had.
  void Put(const std::string& owner, const Addresses& addresses, uint64_t unix_ns);
  // Of owners whose name begins with `kind`: those that are not put until EndList are gone.
  void BeginList(const std::string& kind);
  void EndList(const std::string& kind);

  // For a span that began at `start_unix_ns`.
  [[nodiscard]] std::optional<Peer> Find(const std::string& address, uint64_t start_unix_ns) const;
  [[nodiscard]] size_t size() const;
  [[nodiscard]] uint64_t refused() const { return refused_; }

 private:
  struct Claim {
    uint64_t owner;  // its number
    Peer peer;
  };
  struct Entry {
    std::vector<Claim> claims;
    std::string who;        // the pod it last was, or the Service where there is none
    uint64_t since_ns = 0;  // when it changed hands; 0: never that we know of
  };
  struct Owner {
    uint64_t number = 0;
    uint64_t list = 0;
    std::vector<std::string> addresses;
  };

  void Withdraw(const Owner& owner);
  void Claimed(const std::string& address, Claim claim, uint64_t unix_ns);

  const size_t max_addresses_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entry> addresses_;
  std::unordered_map<std::string, Owner> owners_;
  std::unordered_map<std::string, uint64_t> lists_;  // by kind
  std::vector<std::string> free_;                    // addresses without a claim, oldest first
  uint64_t next_owner_ = 1;
  std::atomic<uint64_t> refused_{0};
};

}  // namespace tracelet::kubernetes
