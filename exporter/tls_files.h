// The certificates and keys of one connection, read from files that are replaced
// while the agent runs (Kubernetes secrets, cert-manager). One thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>

#include "agent/base/result.h"
#include "config/config.h"

namespace tracelet::exporter {

class TlsFiles {
 public:
  struct Contents {
    std::string ca;  // PEM; empty: the system's
    std::string cert;
    std::string key;
  };
  // A stat() of each file at most this often.
  static constexpr std::chrono::seconds kLookEvery{1};

  explicit TlsFiles(config::Tls config) : config_(std::move(config)) {}

  // True once after any of the files became another one or was written to.
  [[nodiscard]] bool Changed(std::chrono::steady_clock::time_point now);
  [[nodiscard]] Result<Contents> Read() const;
  [[nodiscard]] const config::Tls& config() const { return config_; }

 private:
  struct Stamp {
    uint64_t inode = 0;
    int64_t size = 0;
    int64_t modified_ns = 0;
    bool operator==(const Stamp&) const = default;
  };
  [[nodiscard]] static Stamp Look(const std::string& path);

  config::Tls config_;
  std::array<Stamp, 3> stamps_;
  bool looked_ = false;
  std::chrono::steady_clock::time_point looked_at_;
};

}  // namespace tracelet::exporter
