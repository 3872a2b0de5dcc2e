// Which process on this host sent a datagram: from the sender's address and port to its socket,
// and from the socket to the one process that has it open. Nobody when the address is not
// this host's, when several processes share the socket, or when this agent may not look.
//
// Looks into /proc, at most once in a while for one port and not too often for all; what it found
// is checked each time, with one system call. Sockets that were closed at once, as
// OpenTelemetry's exporter for Python does, are not found: source::BpfSource::SenderOf. Any thread.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>

namespace tracelet::ingest {

class SenderPids {
 public:
  static constexpr size_t kMaxPorts = 4'096;            // remembered; then it starts over
  static constexpr size_t kLooksPerSecond = 100;        // each reads all UDP sockets of the host
  static constexpr std::chrono::seconds kLookAgain{5};  // for a port whose sender was not found

  explicit SenderPids(std::string proc_root = "/proc");

  // 0: it does not come from an address of this host.
  [[nodiscard]] uint16_t OwnPort(const sockaddr_storage& from) const;
  // 0: unknown.
  uint32_t Find(const sockaddr_storage& from);

 private:
  using Clock = std::chrono::steady_clock;
  struct Sender {
    uint32_t pid = 0;
    std::string descriptor;  // /proc/PID/fd/N
    std::string socket;      // socket:[INODE]
    Clock::time_point looked;
  };

  [[nodiscard]] Sender Look(uint16_t port) const;

  const std::string proc_root_;
  std::set<std::string> own_addresses_;
  std::mutex mutex_;
  std::unordered_map<uint16_t, Sender> senders_;
  Clock::time_point second_began_;
  size_t looks_ = 0;  // since then
};

}  // namespace tracelet::ingest
