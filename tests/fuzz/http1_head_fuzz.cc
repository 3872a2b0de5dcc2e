// Heads of HTTP/1 messages, whole and cut.
#include <cstdlib>

#include "agent/protocol/http1/head.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tracelet::protocol::http1;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t length = HeadLength(text);
  if (length > size) std::abort();
  std::string scratch;
  for (bool truncated : {false, true}) {
    const auto request = ParseRequestHead(text.substr(0, length == 0 ? size : length), truncated, scratch);
    if (request && (request->method.empty() || request->target.empty())) std::abort();
    // What is accepted whole must have been acceptable all along.
    if (request && !truncated && !CanBeRequest(text.substr(0, size / 2))) std::abort();
    const auto response = ParseResponseHead(text, truncated, RequestKind::kOther, scratch);
    if (response && (response->status < 100 || response->status > 999)) std::abort();
    if (response && !CanBeResponse(text.substr(0, size / 2))) std::abort();
  }
  return 0;
}
