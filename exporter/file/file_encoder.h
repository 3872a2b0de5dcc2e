// Spans as lines of JSON, as `tracelet run --format json` prints them (see
// exporter/json/json_lines.h); received spans under the same keys, with `events`
// for their logs and without a pid.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "agent/pipeline/resource_tagger.h"
#include "exporter/encoder.h"
#include "exporter/json/json_lines.h"

namespace tracelet::exporter {

class FileEncoder : public Encoder {
 public:
  explicit FileEncoder(pipeline::ResourceTagger tagger) : tagger_(std::move(tagger)) {}

  void Add(const span::Span& span) override;
  uint64_t Add(const span::IngestedBatch& batch) override;
  [[nodiscard]] size_t bytes() const override { return text_.view().size(); }
  std::vector<Payload> Take() override;

 private:
  pipeline::ResourceTagger tagger_;
  // Until the next Take.
  std::unordered_map<std::shared_ptr<const process::ProcessInfo>, std::string> processes_;
  TextBlock text_;
  uint64_t count_ = 0;
};

}  // namespace tracelet::exporter
