// Headers as "name value" lines. Whatever comes, a context has ids that are not zero.
#include <cstdlib>
#include <string_view>

#include "agent/span/propagation.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<std::pair<std::string, std::string>> headers;
  constexpr const char* kNames[] = {"traceparent", "tracestate",   "b3",           "x-b3-traceid",
                                    "x-b3-spanid", "x-b3-sampled", "uber-trace-id"};
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.empty()) continue;
    headers.emplace_back(kNames[static_cast<unsigned char>(line[0]) % std::size(kNames)], line.substr(1));
  }
  const auto context = tracelet::span::ParseContext(headers);
  if (context && (!context->trace_id || !context->parent_id || context->trace_state.size() > 512)) std::abort();
  return 0;
}
