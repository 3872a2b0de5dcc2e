// "HOST:PORT" of a listener as the flags of jaeger-agent have it: ":6831" is every
// address of this host, of both families where the kernel has both; "6831" is that too.
#pragma once

#include <sys/socket.h>

#include <string>

#include "agent/base/result.h"
#include "agent/base/unique_fd.h"

namespace tracelet::admin {

struct HostPort {
  std::string host;  // empty: every address
  std::string port;
};
Result<HostPort> ParseListen(const std::string& text);

// A bound socket of SOCK_DGRAM or SOCK_STREAM.
Result<UniqueFd> Bind(const std::string& listen, int type);

// "10.0.0.7:43210", "[::1]:43210".
std::string Describe(const sockaddr_storage& address);

}  // namespace tracelet::admin
