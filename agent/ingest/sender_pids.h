// Which process on this host sent a datagram: from the sender's address to its network namespace, the agent's or a
// pod's, from its port to the socket there, and from the socket to the one process that has it open. Nobody when the
// address is not this host's, when several processes share the socket, or when this agent may not look.
//
// Looks into /proc, at most once in a while for one port and not too often for all; what it found
// is checked each time, with one system call. Sockets that were closed at once, as
// OpenTelemetry's exporter for Python does, are not found: source::BpfSource::SenderOf. Any thread.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "agent/ingest/address_namespaces.h"

namespace tracelet::ingest {

class SenderPids {
 public:
  static constexpr size_t kMaxPorts = 4'096;            // remembered; then it starts over
  static constexpr size_t kLooksPerSecond = 100;        // each reads all UDP sockets of the host
  static constexpr std::chrono::seconds kLookAgain{5};  // for a port whose sender was not found

  explicit SenderPids(std::string proc_root = "/proc");

  struct Sender {
    uint16_t port = 0;   // 0: it does not come from this host
    uint64_t netns = 0;  // where this is its port
    uint32_t pid = 0;    // 0: unknown
  };
  Sender Find(const sockaddr_storage& from);

 private:
  using Clock = std::chrono::steady_clock;
  struct Found {
    uint32_t pid = 0;
    std::string descriptor;  // /proc/PID/fd/N
    std::string socket;      // socket:[INODE]
    Clock::time_point looked;
  };

  // `net`: the namespace's folder of /proc.
  uint32_t PidOf(const Sender& from, const std::string& net);
  [[nodiscard]] Found Look(uint16_t port, const std::string& net) const;

  const std::string proc_root_;
  std::set<std::string> own_addresses_;
  uint64_t own_netns_ = 0;
  std::mutex mutex_;
  AddressNamespaces namespaces_;
  std::map<std::pair<uint64_t, uint16_t>, Found> senders_;  // by namespace and port
  Clock::time_point second_began_;
  size_t looks_ = 0;  // since then
};

}  // namespace tracelet::ingest
