// What is said about a process on each of its spans, in OpenTelemetry's words, in
// this order: what was observed (host, process, container, pod), what its environment
// says (OTEL_RESOURCE_ATTRIBUTES), the tags of the configuration. A key that came
// before wins. service.name is not among them. Immutable: any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/process/process_info.h"
#include "agent/span/span.h"
#include "config/config.h"

namespace tracelet::pipeline {

class ResourceTagger {
 public:
  ResourceTagger(const config::ResourceTagger& config, std::string host_name)
      : tags_(config.tags), host_name_(std::move(host_name)) {}

  // The keys point into `process` and this object.
  [[nodiscard]] std::vector<span::Attribute> Attributes(const process::ProcessInfo& process) const;

 private:
  std::map<std::string, std::string> tags_;
  std::string host_name_;
};

}  // namespace tracelet::pipeline
