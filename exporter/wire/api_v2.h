// Received spans as Jaeger's api_v2, byte for byte what jaeger-agent 1.53 sends to its
// collector: fields in order of their number, ids, times and the process of a batch
// always written, text passed on as it came, valid UTF-8 or not. Written by hand:
// protobuf's own C++ takes three times as long, and the bytes are what is promised.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/ingest/jaeger_model.h"
#include "agent/span/ingested_batch.h"

namespace tracelet::exporter::wire {

// Tags as api_v2.Process has them, to be added to each process (--agent.tags).
std::string EncodeProcessTags(const std::vector<ingest::Tag>& tags);

// `process_tags` go behind those of the batch's process, or of each span's.
span::IngestedBatch Encode(const ingest::Batch& batch, std::string_view process_tags);

}  // namespace tracelet::exporter::wire
