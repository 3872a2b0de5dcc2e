#include "agent/span/rules/header.h"

namespace tracelet::span {

Verdict AskHeader(const Request& request, const OpenRequests& open) {
  const RequestStart& start = request.start;
  if (!start.context) return {};
  if (start.kind == Kind::kClient && open.Complete()) {
    const auto forwarded = open.WithContext(start.first.process, *start.context);
    if (forwarded.size() == 1) return {.parent = forwarded.front(), .remote = nullptr, .candidates = {}};
  }
  return {.parent = nullptr, .remote = &*start.context, .candidates = {}};
}

}  // namespace tracelet::span
