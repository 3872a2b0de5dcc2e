// A sanitized Zipkin span into one or two spans of Jaeger's model.
#pragma once

#include "agent/ingest/jaeger_model.h"
#include "agent/ingest/zipkin_model.h"

namespace tracelet::ingest::zipkin {

// Appends to batch.spans, or counts in batch.lost. One span of the client and the
// server (both cs and sr) becomes two with the same id.
void Convert(const Span& span, Batch& batch);

}  // namespace tracelet::ingest::zipkin
