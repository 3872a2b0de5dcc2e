// Takes attributes out of spans, or their values, before they leave the host. Query
// values, cookies, authorization and bodies are not in spans in the first place.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/pipeline/processor.h"
#include "config/config.h"

namespace tracelet::pipeline {

class Redactor : public Processor {
 public:
  static constexpr std::string_view kMask = "[redacted]";

  Redactor(const config::Redactor& config, span::SpanSink& next) : Processor(next), config_(config) {}

  // From the next span on.
  void Configure(const config::Redactor& config) { config_ = config; }
  void OnSpan(std::shared_ptr<const span::Span> span) override;

 private:
  config::Redactor config_;
};

// True when `key` is one of the patterns: an exact key, or a beginning and a *.
[[nodiscard]] bool MatchesKey(const std::vector<std::string>& patterns, std::string_view key);

}  // namespace tracelet::pipeline
