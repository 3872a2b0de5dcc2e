#include "agent/ingest/address_namespaces.h"

#include <arpa/inet.h>
#include <sys/stat.h>

#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <set>

namespace tracelet::ingest {
namespace {

// 32 hex digits, as /proc/PID/net/if_inet6 has them.
std::string TextOf(const std::string& hex) {
  in6_addr address{};
  for (size_t i = 0; i < sizeof(address.s6_addr) && hex.size() >= 2 * (i + 1); ++i) {
    std::from_chars(hex.data() + 2 * i, hex.data() + 2 * i + 2, address.s6_addr[i], 16);
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(AF_INET6, &address, text.data(), text.size());
  return text.data();
}

}  // namespace

const AddressNamespaces::Namespace& AddressNamespaces::Find(const std::string& address) {
  static const Namespace kNone;
  const auto now = Clock::now();
  const auto known = known_.find(address);
  if (known != known_.end()) {
    const Known& before = known->second;
    if (before.found.inode != 0 && Has(before.found, address)) return before.found;
    if (before.found.inode == 0 && now < before.looked + kLookAgain) return kNone;
  }
  if (now >= second_began_ + std::chrono::seconds(1)) {
    second_began_ = now;
    looks_ = 0;
  }
  if (++looks_ > kLooksPerSecond) return kNone;
  if (known_.size() >= kMaxAddresses) known_.clear();
  Known& fresh = known_[address];
  fresh = {.found = Look(address), .looked = now};
  return fresh.found;
}

AddressNamespaces::Namespace AddressNamespaces::Look(const std::string& address) const {
  Namespace found;
  std::set<uint64_t> seen;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(proc_root_, error), end; !error && entry != end;
       entry.increment(error)) {
    Namespace candidate{.inode = 0, .pid = entry->path().filename()};
    if (candidate.pid.front() < '0' || candidate.pid.front() > '9') continue;
    candidate.inode = InodeOf(candidate.pid);
    if (candidate.inode == 0 || !seen.insert(candidate.inode).second || !Has(candidate, address)) continue;
    if (found.inode != 0) return {};
    found = std::move(candidate);
  }
  return found;
}

bool AddressNamespaces::Has(const Namespace& candidate, const std::string& address) const {
  if (InodeOf(candidate.pid) != candidate.inode) return false;
  const std::string net = proc_root_ + "/" + candidate.pid + "/net/";
  std::string line;
  if (address.find(':') != std::string::npos) {
    for (std::ifstream lines(net + "if_inet6"); std::getline(lines, line);) {
      if (TextOf(line.substr(0, 32)) == address) return true;
    }
    return false;
  }
  // "|-- ADDRESS", then what it is: "/32 host LOCAL" for an address of the namespace itself.
  bool mine = false;
  for (std::ifstream lines(net + "fib_trie"); std::getline(lines, line);) {
    const size_t leaf = line.find("|-- ");
    if (leaf != std::string::npos) {
      mine = line.compare(leaf + 4, std::string::npos, address) == 0;
    } else if (mine && line.find("/32 host LOCAL") != std::string::npos) {
      return true;
    }
  }
  return false;
}

uint64_t AddressNamespaces::InodeOf(const std::string& pid) const {
  struct stat info {};
  return stat((proc_root_ + "/" + pid + "/ns/net").c_str(), &info) == 0 ? info.st_ino : 0;
}

}  // namespace tracelet::ingest
