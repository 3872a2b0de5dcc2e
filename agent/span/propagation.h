// The trace context in a request's headers. Pure function.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/span/request_start.h"

namespace tracelet::span {

// From the first of these formats that is there and valid:
//   traceparent  W3C Trace Context level 1 §3.2 (lower-case hex only, version ff and
//                more than one header invalid, longer later versions read as 00 is),
//                with tracestate §3.3 (several headers joined, at most 512 characters
//                kept, cut between members)
//   b3           B3 single, "traceid-spanid[-sampled[-parent]]"; "0", "1" and "d" alone
//                carry no ids
//   x-b3-*       B3 multi, 64- and 128-bit trace ids
//   uber-trace-id  Jaeger "trace:span:parent:flags", hex of any length, %3A for ':'
// `headers` are those of Exchange::propagation: names in lower case. A header that
// comes twice is no context, whatever it says: two callers cannot both be the parent.
std::optional<TraceContext> ParseContext(const std::vector<std::pair<std::string, std::string>>& headers);

}  // namespace tracelet::span
