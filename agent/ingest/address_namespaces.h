// Which network namespace of this host has an address: a pod's, whose datagrams come from an address of its own.
//
// Looks through /proc, seldom: not too often for all, and once in a while for an address that nobody here has.
// What it found is checked each time. An address of several namespaces is nobody's. Not thread safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <unordered_map>

namespace tracelet::ingest {

class AddressNamespaces {
 public:
  static constexpr size_t kMaxAddresses = 4'096;        // remembered; then it starts over
  static constexpr size_t kLooksPerSecond = 10;         // each reads a link of every process
  static constexpr std::chrono::seconds kLookAgain{5};  // for an address that was not found

  struct Namespace {
    uint64_t inode = 0;  // 0: not found
    std::string pid;     // one that lives in it: /proc/PID/net
  };

  explicit AddressNamespaces(std::string proc_root) : proc_root_(std::move(proc_root)) {}

  // `address` as inet_ntop() writes it.
  const Namespace& Find(const std::string& address);

 private:
  using Clock = std::chrono::steady_clock;
  struct Known {
    Namespace found;
    Clock::time_point looked;
  };

  [[nodiscard]] Namespace Look(const std::string& address) const;
  [[nodiscard]] bool Has(const Namespace& candidate, const std::string& address) const;
  [[nodiscard]] uint64_t InodeOf(const std::string& pid) const;

  const std::string proc_root_;
  std::unordered_map<std::string, Known> known_;
  Clock::time_point second_began_;
  size_t looks_ = 0;  // since then
};

}  // namespace tracelet::ingest
