// Header rule: the request says who caused it.
//
// A server's request: the span named in its header. A call: the same, unless exactly one
// open request of this process came with the very same ids; then something forwarded the
// headers unchanged (nginx, a mesh's sidecar, code that copies x-b3-*) and that request
// caused the call. Of several such requests none is picked: all are children of the
// header's span, and so is the call.
#pragma once

#include "agent/span/rules/verdict.h"

namespace tracelet::span {

Verdict AskHeader(const Request& request, const OpenRequests& open);

}  // namespace tracelet::span
