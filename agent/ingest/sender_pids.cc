#include "agent/ingest/sender_pids.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

namespace tracelet::ingest {
namespace {

// IPv4 inside IPv6 as IPv4.
std::string AddressOf(const sockaddr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.sa_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text.data(), text.size());
  } else if (address.sa_family == AF_INET6) {
    const in6_addr& six = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&six);
    inet_ntop(mapped ? AF_INET : AF_INET6, six.s6_addr + (mapped ? 12 : 0), text.data(), text.size());
  }
  return text.data();
}

uint16_t PortOf(const sockaddr_storage& address) {
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

// Inodes of the sockets with this local port: lines of /proc/net/udp, proc(5).
void AddInodes(const std::string& file, uint16_t port, std::set<std::string>& inodes) {
  std::ifstream lines(file);
  std::string line;
  std::getline(lines, line);  // the headings
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::array<std::string, 10> word;
    for (std::string& one : word) words >> one;
    const size_t colon = word[1].rfind(':');
    unsigned local = 0;
    if (colon == std::string::npos) continue;
    std::from_chars(word[1].data() + colon + 1, word[1].data() + word[1].size(), local, 16);
    if (local == port) inodes.insert(word[9]);
  }
}

std::vector<std::string> Numbers(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string name = entry->path().filename();
    if (name.front() >= '0' && name.front() <= '9') names.push_back(std::move(name));
  }
  return names;
}

std::string LinkOf(const std::string& path) {
  std::array<char, 64> target{};
  const ssize_t size = readlink(path.c_str(), target.data(), target.size());
  return size > 0 ? std::string(target.data(), static_cast<size_t>(size)) : "";
}

}  // namespace

SenderPids::SenderPids(std::string proc_root) : proc_root_(std::move(proc_root)), namespaces_(proc_root_) {
  struct stat own {};
  if (stat((proc_root_ + "/self/ns/net").c_str(), &own) == 0) own_netns_ = own.st_ino;
  ifaddrs* interfaces = nullptr;
  if (getifaddrs(&interfaces) != 0) return;
  for (const ifaddrs* one = interfaces; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr != nullptr) own_addresses_.insert(AddressOf(*one->ifa_addr));
  }
  freeifaddrs(interfaces);
}

SenderPids::Sender SenderPids::Find(const sockaddr_storage& from) {
  const std::string address = AddressOf(reinterpret_cast<const sockaddr&>(from));
  const std::lock_guard lock(mutex_);
  if (address.starts_with("127.") || address == "::1" || own_addresses_.contains(address)) {
    Sender own{.port = PortOf(from), .netns = own_netns_};
    own.pid = PidOf(own, proc_root_ + "/net");
    return own;
  }
  const AddressNamespaces::Namespace& theirs = namespaces_.Find(address);
  if (theirs.inode == 0) return {};
  Sender other{.port = PortOf(from), .netns = theirs.inode};
  other.pid = PidOf(other, proc_root_ + "/" + theirs.pid + "/net");
  return other;
}

uint32_t SenderPids::PidOf(const Sender& from, const std::string& net) {
  const std::pair key{from.netns, from.port};
  const auto known = senders_.find(key);
  const auto now = Clock::now();
  if (known != senders_.end()) {
    const Found& sender = known->second;
    if (sender.pid != 0 && LinkOf(sender.descriptor) == sender.socket) return sender.pid;
    if (sender.pid == 0 && now < sender.looked + kLookAgain) return 0;
  }
  if (now >= second_began_ + std::chrono::seconds(1)) {
    second_began_ = now;
    looks_ = 0;
  }
  if (++looks_ > kLooksPerSecond) return 0;
  if (senders_.size() >= kMaxPorts) senders_.clear();
  Found& sender = senders_[key] = Look(from.port, net);
  sender.looked = now;
  return sender.pid;
}

SenderPids::Found SenderPids::Look(uint16_t port, const std::string& net) const {
  std::set<std::string> inodes;
  AddInodes(net + "/udp", port, inodes);
  AddInodes(net + "/udp6", port, inodes);
  if (inodes.size() != 1) return {};
  const std::string socket = "socket:[" + *inodes.begin() + "]";
  Found found;
  for (const std::string& pid : Numbers(proc_root_)) {
    for (const std::string& fd : Numbers(proc_root_ + "/" + pid + "/fd")) {
      const std::string descriptor = proc_root_ + "/" + pid + "/fd/" + fd;
      if (LinkOf(descriptor) != socket) continue;
      if (found.pid != 0 &&
          found.descriptor.compare(0, proc_root_.size() + pid.size() + 2, proc_root_ + "/" + pid + "/") != 0) {
        return {};  // a parent's and its child's: which of them sends is not known
      }
      std::from_chars(pid.data(), pid.data() + pid.size(), found.pid);
      found.descriptor = descriptor;
      found.socket = socket;
    }
  }
  return found;
}

}  // namespace tracelet::ingest
