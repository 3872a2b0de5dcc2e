// Brings received batches into the form of the exporters: encoded once, for all of them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/ingest/jaeger_model.h"
#include "agent/span/ingested_batch.h"
#include "exporter/wire/sdk_joiner.h"

namespace tracelet::exporter::wire {

// Any thread. The sinks outlive it.
class IngestEncoder : public ingest::BatchSink {
 public:
  // `tags` are added to each process (--agent.tags).
  IngestEncoder(const std::map<std::string, std::string>& tags, std::vector<span::IngestSink*> sinks);

  // What it takes is passed on by itself; must outlive this. Before the first batch.
  void Join(SdkJoiner& joiner) { joiner_ = &joiner; }

  void OnBatch(const ingest::Batch& batch) override;

 private:
  std::string process_tags_;  // encoded
  std::vector<span::IngestSink*> sinks_;
  SdkJoiner* joiner_ = nullptr;
};

}  // namespace tracelet::exporter::wire
