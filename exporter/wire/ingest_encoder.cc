#include "exporter/wire/ingest_encoder.h"

#include "exporter/wire/api_v2.h"

namespace tracelet::exporter::wire {

IngestEncoder::IngestEncoder(const std::map<std::string, std::string>& tags, std::vector<span::IngestSink*> sinks)
    : sinks_(std::move(sinks)) {
  std::vector<ingest::Tag> list;
  for (const auto& [key, value] : tags) list.push_back({.key = key, .text = value});
  process_tags_ = EncodeProcessTags(list);
}

void IngestEncoder::OnBatch(const ingest::Batch& batch) {
  const auto encoded = std::make_shared<const span::IngestedBatch>(Encode(batch, process_tags_));
  if (joiner_ != nullptr && joiner_->Offer(batch, encoded)) return;
  for (span::IngestSink* sink : sinks_) sink->OnIngested(encoded);
}

}  // namespace tracelet::exporter::wire
