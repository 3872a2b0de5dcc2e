#include "agent/protocol/http1/http1.h"
#include "agent/protocol/http2/http2.h"
#include "agent/protocol/protocol.h"

namespace tracelet::protocol {

const std::vector<Protocol>& Registry() {
  static const std::vector<Protocol> kProtocols = {
      http2::Http2(),
      http1::Http1(),
  };
  return kProtocols;
}

}  // namespace tracelet::protocol
