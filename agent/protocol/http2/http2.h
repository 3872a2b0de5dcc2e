// HTTP/2 in the clear (RFC 9113), by prior knowledge or after an upgrade.
#pragma once

#include "agent/protocol/protocol.h"

namespace tracelet::protocol::http2 {

Protocol Http2();

}  // namespace tracelet::protocol::http2
