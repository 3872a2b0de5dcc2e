// What jaeger-agent repairs in a Zipkin span before it converts it, in its order:
// start time, duration, parent, error annotation.
#pragma once

#include <forward_list>
#include <string>

#include "agent/ingest/zipkin_model.h"

namespace tracelet::ingest::zipkin {

// Text that is made goes to `made`.
void Sanitize(Span& span, std::forward_list<std::string>& made);

}  // namespace tracelet::ingest::zipkin
