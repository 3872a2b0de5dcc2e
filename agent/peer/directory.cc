#include "agent/peer/directory.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

namespace tracelet::peer {
namespace {

constexpr unsigned kMappedBits = 96;  // RFC 4291 §2.5.5.2

// Bits of an address in front of those that its text has.
std::optional<std::pair<std::array<uint8_t, 16>, unsigned>> ParseAddress(const std::string& text) {
  std::array<uint8_t, 16> address{};
  if (inet_pton(AF_INET6, text.c_str(), address.data()) == 1) return std::pair(address, 0U);
  address[10] = address[11] = 0xff;
  if (inet_pton(AF_INET, text.c_str(), address.data() + 12) == 1) return std::pair(address, kMappedBits);
  return std::nullopt;
}

bool Same(const std::array<uint8_t, 16>& a, const std::array<uint8_t, 16>& b, unsigned bits) {
  const size_t whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + static_cast<ptrdiff_t>(whole), b.begin())) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

std::string TextOf(const sockaddr* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = address->sa_family == AF_INET
                          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(address)->sin_addr)
                          : &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
  inet_ntop(address->sa_family, bytes, text.data(), text.size());
  return text.data();
}

std::pair<std::string, std::string> Split(const std::string& endpoint) {
  const size_t colon = endpoint.rfind(':');
  if (colon == std::string::npos) return {"", endpoint};
  std::string host = endpoint.substr(0, colon);
  if (host.size() > 1 && host.front() == '[') host = host.substr(1, host.size() - 2);
  return {host, endpoint.substr(colon + 1)};
}

}  // namespace

std::string Endpoint(const std::string& address, const std::string& port) {
  return address.find(':') == std::string::npos ? address + ":" + port : "[" + address + "]:" + port;
}

Result<std::unique_ptr<PrefixDirectory>> PrefixDirectory::Make(const std::map<std::string, std::string>& agents) {
  auto directory = std::make_unique<PrefixDirectory>();
  for (const auto& [prefix, endpoint] : agents) {
    const size_t slash = prefix.find('/');
    const auto parsed = ParseAddress(prefix.substr(0, slash));
    unsigned bits = parsed ? 128 - parsed->second : 0;
    bool right = parsed.has_value();
    if (slash != std::string::npos) {
      const char* const end = prefix.data() + prefix.size();
      const auto [stopped, error] = std::from_chars(prefix.data() + slash + 1, end, bits);
      right = right && error == std::errc() && stopped == end && bits <= 128 - parsed->second;
    }
    if (!right) return Error{"peer.agents: \"" + prefix + "\" is neither an address nor a prefix"};
    directory->entries_.push_back({parsed->first, bits + parsed->second, endpoint});
  }
  std::ranges::stable_sort(directory->entries_, [](const Entry& a, const Entry& b) { return a.bits > b.bits; });
  return directory;
}

std::vector<std::string> PrefixDirectory::Find(const std::string& address) const {
  const auto parsed = ParseAddress(address);
  if (!parsed) return {};
  const auto found =
      std::ranges::find_if(entries_, [&](const Entry& e) { return Same(e.address, parsed->first, e.bits); });
  if (found == entries_.end()) return {};
  return {found->endpoint};
}

void TableDirectory::Replace(Table table) {
  auto shared = std::make_shared<const Table>(std::move(table));
  const std::lock_guard lock(mutex_);
  table_ = std::move(shared);
}

std::vector<std::string> TableDirectory::Find(const std::string& address) const {
  std::shared_ptr<const Table> table;
  {
    const std::lock_guard lock(mutex_);
    table = table_;
  }
  const auto found = table->find(address);
  if (found == table->end()) return {};
  return {found->second};
}

ServiceDirectory::ServiceDirectory(const std::string& service, size_t max_fanout) : max_fanout_(max_fanout) {
  std::tie(host_, port_) = Split(service);
}

Status ServiceDirectory::Refresh() {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* answers = nullptr;
  if (const int error = getaddrinfo(host_.c_str(), nullptr, &hints, &answers); error != 0) {
    return Error{"peer.service " + host_ + ": " + gai_strerror(error)};
  }
  std::vector<std::string> addresses;
  for (const addrinfo* answer = answers; answer != nullptr; answer = answer->ai_next) {
    addresses.push_back(TextOf(answer->ai_addr));
  }
  freeaddrinfo(answers);
  std::ranges::sort(addresses);
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  const std::lock_guard lock(mutex_);
  addresses_ = std::move(addresses);
  return Ok();
}

std::vector<std::string> ServiceDirectory::Find(const std::string& address) const {
  const std::lock_guard lock(mutex_);
  if (std::ranges::binary_search(addresses_, address)) return {Endpoint(address, port_)};
  std::vector<std::string> endpoints;
  for (const std::string& agent : addresses_) {
    if (endpoints.size() == max_fanout_) break;
    endpoints.push_back(Endpoint(agent, port_));
  }
  return endpoints;
}

Directories::Directories(const std::string& own_endpoint) {
  std::string host;
  std::tie(host, own_port_) = Split(own_endpoint);
  ifaddrs* interfaces = nullptr;
  if (getifaddrs(&interfaces) != 0) return;
  for (const ifaddrs* one = interfaces; one != nullptr; one = one->ifa_next) {
    const bool internet =
        one->ifa_addr != nullptr && (one->ifa_addr->sa_family == AF_INET || one->ifa_addr->sa_family == AF_INET6);
    if (internet) own_addresses_.push_back(TextOf(one->ifa_addr));
  }
  freeifaddrs(interfaces);
}

std::vector<std::string> Directories::Find(const std::string& address) const {
  if (address.starts_with("127.") || address == "::1") return {};
  std::vector<std::string> endpoints;
  for (const auto& directory : directories_) {
    endpoints = directory->Find(address);
    if (!endpoints.empty()) break;
  }
  std::erase_if(endpoints, [&](const std::string& endpoint) {
    const auto [host, port] = Split(endpoint);
    return port == own_port_ && std::ranges::find(own_addresses_, host) != own_addresses_.end();
  });
  return endpoints;
}

}  // namespace tracelet::peer
