#include "agent/admin/http_listen.h"

#include <httplib.h>

#include "agent/admin/listen_address.h"

namespace tracelet::admin {
namespace {

bool BindTo(httplib::Server& server, const std::string& host, int port, int& bound) {
  if (port == 0) {
    bound = server.bind_to_any_port(host);
    return bound > 0;
  }
  bound = port;
  return server.bind_to_port(host, port);
}

}  // namespace

Result<int> ListenHttp(httplib::Server& server, const std::string& listen) {
  const auto address = ParseListen(listen);
  if (!address) return address.error();
  server.set_socket_options([](int fd) {  // the library's own options let two agents share the port
    const int yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  });
  const int port = std::stoi(address->port);
  int bound = 0;
  // The IPv6 wildcard takes both families; IPv4 alone where there is no IPv6.
  const bool listens = address->host.empty()
                           ? BindTo(server, "::", port, bound) || BindTo(server, "0.0.0.0", port, bound)
                           : BindTo(server, address->host, port, bound);
  if (!listens) return SystemError("cannot listen on " + listen);
  return bound;
}

}  // namespace tracelet::admin
