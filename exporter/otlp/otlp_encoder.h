// Spans as OTLP ExportTraceServiceRequests: one ResourceSpans per process, all text
// UTF-8. Received spans come from Jaeger's model, see from_jaeger.h.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "agent/pipeline/resource_tagger.h"
#include "exporter/encoder.h"

namespace tracelet::exporter {

class OtlpEncoder : public Encoder {
 public:
  explicit OtlpEncoder(pipeline::ResourceTagger tagger);
  ~OtlpEncoder() override;

  void Add(const span::Span& span) override;
  uint64_t Add(const span::IngestedBatch& batch) override;
  [[nodiscard]] size_t bytes() const override { return bytes_; }
  std::vector<Payload> Take() override;

 private:
  struct Group {
    bool ours = false;
    std::string resource;  // a Resource message
    std::string spans;     // a run of ScopeSpans.spans
  };
  struct Scratch;

  Group& NewGroup(bool ours, std::string resource);
  // `fields` appends the fields of one span to group.spans.
  template <typename Fields>
  void Append(Group& group, Fields&& fields);

  pipeline::ResourceTagger tagger_;
  std::unique_ptr<Scratch> scratch_;
  // Until the next Take.
  std::vector<Group> groups_;
  std::unordered_map<std::shared_ptr<const process::ProcessInfo>, size_t> captured_;  // index of the group
  std::unordered_map<std::string, size_t> received_;                                  // by the process as it came
  uint64_t count_ = 0;
  size_t bytes_ = 0;
};

}  // namespace tracelet::exporter
