// From what was held of a request to the span that is passed on. Capture thread.
#pragma once

#include <memory>

#include "agent/span/open_requests.h"
#include "agent/span/span.h"

namespace tracelet::span {

// The span with all that stitching knows; from now on its trace cannot change. `request` is of no use afterwards.
std::shared_ptr<const Span> Finish(Request& request);

}  // namespace tracelet::span
