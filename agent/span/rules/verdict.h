// What a link rule says about one request: a parent, a reason why there is none, or
// (everything empty) nothing.
#pragma once

#include <vector>

#include "agent/span/open_requests.h"

namespace tracelet::span {

struct Verdict {
  RequestPtr parent;                     // a request on this host
  const TraceContext* remote = nullptr;  // or a span of which only the ids are known
  LinkRefusal refused = LinkRefusal::kNone;
  std::vector<RequestPtr> candidates;  // with kAmbiguous: one of these, unless there are too many
};

inline Verdict Refuse(LinkRefusal reason) {
  return {.parent = nullptr, .remote = nullptr, .refused = reason, .candidates = {}};
}

}  // namespace tracelet::span
