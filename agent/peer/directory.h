// Which agent sees what an address sends. Find() is asked by the capture thread for each
// request that comes from elsewhere: no I/O in it. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/base/result.h"

namespace tracelet::peer {

class Directory {
 public:
  virtual ~Directory() = default;
  // "HOST:PORT" of the agents that may see what `address` (text, no port) sends: one, when that
  // is known; several, when it is one of them; none.
  [[nodiscard]] virtual std::vector<std::string> Find(const std::string& address) const = 0;
};

// By prefix; the longest one decides.
class PrefixDirectory : public Directory {
 public:
  // { "10.1.2.0/24": "HOST:PORT", "fd00::7": "HOST:PORT" }; an error names what is no address.
  static Result<std::unique_ptr<PrefixDirectory>> Make(const std::map<std::string, std::string>& agents);
  [[nodiscard]] std::vector<std::string> Find(const std::string& address) const override;

 private:
  struct Entry {
    std::array<uint8_t, 16> address{};  // IPv4 as ::ffff:a.b.c.d
    unsigned bits = 0;                  // of these 128
    std::string endpoint;
  };
  std::vector<Entry> entries_;  // longest first
};

// Filled from outside, as by what watches pods in Kubernetes: pod's address -> its node's agent.
class TableDirectory : public Directory {
 public:
  using Table = std::unordered_map<std::string, std::string>;
  void Replace(Table table);
  [[nodiscard]] std::vector<std::string> Find(const std::string& address) const override;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Table> table_ = std::make_shared<const Table>();
};

// The addresses of a DNS name are all agents. A client that has an agent's address is that
// agent's; of any other it is not known whose it is.
class ServiceDirectory : public Directory {
 public:
  // `service`: HOST:PORT.
  ServiceDirectory(const std::string& service, size_t max_fanout);
  // Asks DNS: blocks. What was known stays when it fails.
  Status Refresh();
  [[nodiscard]] std::vector<std::string> Find(const std::string& address) const override;

 private:
  const size_t max_fanout_;
  std::string host_;
  std::string port_;
  mutable std::mutex mutex_;
  std::vector<std::string> addresses_;
};

// Several, in order: the first that knows an address decides. Never this agent itself.
class Directories : public Directory {
 public:
  // `own_endpoint`: HOST:PORT or :PORT that this agent listens on.
  explicit Directories(const std::string& own_endpoint);
  void Add(std::shared_ptr<const Directory> directory) { directories_.push_back(std::move(directory)); }
  [[nodiscard]] std::vector<std::string> Find(const std::string& address) const override;

 private:
  std::vector<std::shared_ptr<const Directory>> directories_;
  std::vector<std::string> own_addresses_;  // of this host's interfaces, at the start
  std::string own_port_;
};

// "[fd00::7]:14280", "10.1.2.3:14280".
std::string Endpoint(const std::string& address, const std::string& port);

}  // namespace tracelet::peer
