#include "agent/span/finished_span.h"

#include <algorithm>
#include <utility>

#include "agent/base/recycled.h"
#include "agent/span/attributes.h"

namespace tracelet::span {

std::shared_ptr<const Span> Finish(Request& request) {
  auto finished = std::allocate_shared<Span>(RecycledAllocator<Span>());
  Span& span = *finished;
  const HeldSpan& held = *request.span;
  span.kind = held.kind;
  span.start_unix_ns = held.start_unix_ns;
  span.end_unix_ns = held.end_unix_ns;
  span.process = held.process;
  held.Describe(request.start, span);
  span.span_id = request.node.TellId();
  span.trace_id = request.node.Tell();
  span.sampled_by_caller = request.node.Sampled();
  span.link = request.link;
  span.refused = request.refused;
  span.joined = request.joined;
  if (request.node.parent() != nullptr) {
    span.parent_span_id = request.node.TellParentId();
  } else if (request.link == LinkRule::kPeer) {
    span.parent_span_id = request.remote_parent;
  } else if (request.link == LinkRule::kHeader) {
    span.parent_span_id = request.start.context->parent_id;
  } else if (request.start.kind == Kind::kServer && span.refused == LinkRefusal::kNone && !request.start.name) {
    span.refused = request.start.unnamed;
  }
  if (span.refused == LinkRefusal::kNoAnswer) {
    span.attributes.push_back({attributes::kDerivedParent, request.remote_parent.Hex()});
  }
  if (request.start.context) span.trace_state = std::move(request.start.context->trace_state);
  if (request.candidates) {
    for (const auto& candidate : *request.candidates) {
      span.links.push_back({.trace_id = candidate->Tell(), .span_id = candidate->TellId()});
    }
  }
  if (request.sdk_link) span.links.push_back(*request.sdk_link);
  const uint64_t sent_ns = request.start.first.time_ns;
  if (request.received_ns != 0 && request.received_ns < sent_ns) {
    span.start_unix_ns -= std::min(span.start_unix_ns, sent_ns - request.received_ns);
  }
  return finished;
}

}  // namespace tracelet::span
