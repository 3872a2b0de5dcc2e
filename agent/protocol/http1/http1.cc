#include "agent/protocol/http1/http1.h"

#include "agent/protocol/http1/head.h"
#include "agent/protocol/http1/parser.h"

namespace tracelet::protocol::http1 {

Protocol Http1() {
  return Protocol{
      .name = "http1",
      .looks_like = [](std::string_view head) { return CanBeRequest(head) || CanBeResponse(head); },
      .make = [](ExchangeSink& sink, const ParserOptions& options) -> std::unique_ptr<ConnectionParser> {
        return std::make_unique<Parser>(sink, options);
      },
  };
}

}  // namespace tracelet::protocol::http1
