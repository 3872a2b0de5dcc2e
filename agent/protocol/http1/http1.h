// HTTP/1.0 and HTTP/1.1 (RFC 9110, RFC 9112).
#pragma once

#include "agent/protocol/protocol.h"

namespace tracelet::protocol::http1 {

Protocol Http1();

}  // namespace tracelet::protocol::http1
