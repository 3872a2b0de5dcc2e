// What becomes known of calls after they began, while they are held.
#pragma once

#include <utility>
#include <vector>

#include "agent/span/open_requests.h"
#include "agent/span/rules/thread.h"

namespace tracelet::span {

// What they were linked by proves nothing.
inline void TakeBack(const std::vector<RequestPtr>& calls, LinkRefusal reason) {
  for (const RequestPtr& call : calls) {
    if (call->passed_on || call->node.parent() == nullptr) continue;
    call->node.Detach();
    call->link = LinkRule::kNone;
    call->refused = reason;
  }
}

// Calls and their parents: of the thread that has read the request, or of one that it was handed to.
inline void LinkLate(const std::vector<std::pair<RequestPtr, RequestPtr>>& links, ThreadRule& thread) {
  for (const auto& [call, parent] : links) {
    if (call->link != LinkRule::kNone || !call->node.Attach(NodeOf(parent))) continue;
    const bool same = ThreadOf(call->start.first) == ThreadOf(parent->start.first);
    call->link = same ? LinkRule::kThread : LinkRule::kHandover;
    if (same) thread.OnLinked(call);
    call->refused = LinkRefusal::kNone;
    call->candidates.reset();
  }
}

}  // namespace tracelet::span
