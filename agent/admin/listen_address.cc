#include "agent/admin/listen_address.h"

#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <memory>

namespace tracelet::admin {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

bool IsNumber(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Result<UniqueFd> BindTo(const addrinfo& address, const std::string& listen) {
  UniqueFd fd(socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC, 0));
  if (!fd) return SystemError("cannot listen on " + listen);
  const int off = 0;
  const int on = 1;
  if (address.ai_family == AF_INET6) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  if (address.ai_socktype == SOCK_STREAM) setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(fd.get(), address.ai_addr, address.ai_addrlen) != 0) return SystemError("cannot listen on " + listen);
  return fd;
}

}  // namespace

Result<HostPort> ParseListen(const std::string& text) {
  if (IsNumber(text)) return HostPort{"", text};
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return Error{"\"" + text + "\" is not HOST:PORT"};
  HostPort parsed{text.substr(0, colon), text.substr(colon + 1)};
  if (parsed.host.size() > 2 && parsed.host.front() == '[' && parsed.host.back() == ']') {
    parsed.host = parsed.host.substr(1, parsed.host.size() - 2);
  } else if (parsed.host.find(':') != std::string::npos) {
    return Error{"\"" + text + "\": an IPv6 address is written in brackets"};
  }
  if (!IsNumber(parsed.port) || parsed.port.size() > 5 || std::stoul(parsed.port) > 65'535) {
    return Error{"\"" + text + "\" has no port from 0 to 65535"};
  }
  return parsed;
}

Result<UniqueFd> Bind(const std::string& listen, int type) {
  auto parsed = ParseListen(listen);
  if (!parsed) return parsed.error();
  addrinfo hints{};
  hints.ai_socktype = type;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const char* host = parsed->host.empty() ? nullptr : parsed->host.c_str();
  if (const int error = getaddrinfo(host, parsed->port.c_str(), &hints, &found); error != 0) {
    return Error{"cannot listen on " + listen + ": " + gai_strerror(error)};
  }
  const Addresses addresses(found);
  // The IPv6 wildcard takes both families; IPv4 alone where there is no IPv6.
  Result<UniqueFd> last = Error{"cannot listen on " + listen + ": no address"};
  for (const int family : {AF_INET6, AF_INET}) {
    for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
      if (address->ai_family != family) continue;
      last = BindTo(*address, listen);
      if (last) return last;
    }
  }
  return last;
}

std::string Describe(const sockaddr_storage& address) {
  char host[NI_MAXHOST] = "?";
  char port[NI_MAXSERV] = "?";
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  getnameinfo(generic, sizeof(address), host, sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
  std::string name = host;
  if (name.starts_with("::ffff:")) name.erase(0, 7);  // an IPv4 client of a dual-stack socket
  return name.find(':') == std::string::npos ? name + ":" + port : "[" + name + "]:" + port;
}

}  // namespace tracelet::admin
