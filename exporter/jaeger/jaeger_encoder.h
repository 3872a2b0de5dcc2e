// Spans as PostSpans requests of Jaeger's api_v2. A span of ours is said in the
// words in which a Jaeger collector itself translates OTLP, so that it looks the same
// whichever way it came: otel.library.*, the attributes, span.kind, otel.status_code
// and error, w3c.tracestate; the parent as CHILD_OF, links as FOLLOWS_FROM.
//
// Our spans carry their process one by one, so that one call holds those of all
// processes; received ones go out as they came, those of one process together.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/pipeline/resource_tagger.h"
#include "exporter/encoder.h"

namespace tracelet::exporter {

class JaegerEncoder : public Encoder {
 public:
  explicit JaegerEncoder(pipeline::ResourceTagger tagger) : tagger_(std::move(tagger)) {}

  void Add(const span::Span& span) override;
  uint64_t Add(const span::IngestedBatch& batch) override;
  [[nodiscard]] size_t bytes() const override { return bytes_; }
  std::vector<Payload> Take() override;

 private:
  struct Group {
    std::string spans;  // a run of Batch.spans
    uint64_t count = 0;
  };

  const std::string& EncodedProcess(const std::shared_ptr<const process::ProcessInfo>& process);

  pipeline::ResourceTagger tagger_;
  // Until the next Take.
  std::unordered_map<std::shared_ptr<const process::ProcessInfo>, std::string> processes_;
  Group own_process_;                    // spans that carry their process
  std::map<std::string, Group> groups_;  // others, by encoded process
  size_t bytes_ = 0;
};

}  // namespace tracelet::exporter
