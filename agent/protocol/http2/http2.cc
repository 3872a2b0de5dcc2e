#include "agent/protocol/http2/http2.h"

#include "agent/protocol/http2/frame.h"
#include "agent/protocol/http2/parser.h"

namespace tracelet::protocol::http2 {

Protocol Http2() {
  return Protocol{
      .name = "http2",
      .looks_like = CanBeginConnection,
      .make = [](ExchangeSink& sink, const ParserOptions& options) -> std::unique_ptr<ConnectionParser> {
        return std::make_unique<Parser>(sink, options);
      },
      .framed = true,
  };
}

}  // namespace tracelet::protocol::http2
