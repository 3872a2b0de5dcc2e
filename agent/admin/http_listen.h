// How an HTTP server of ours takes its port: both families where the kernel has both,
// and never shared with another process.
#pragma once

#include <string>

#include "agent/base/result.h"

namespace httplib {
class Server;
}  // namespace httplib

namespace tracelet::admin {

// `listen` is HOST:PORT, :PORT or PORT; 0: any port. Returns the port; the server does not answer yet.
Result<int> ListenHttp(httplib::Server& server, const std::string& listen);

}  // namespace tracelet::admin
