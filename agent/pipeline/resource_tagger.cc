#include "agent/pipeline/resource_tagger.h"

#include <algorithm>
#include <string_view>

namespace tracelet::pipeline {
namespace {

void Add(std::string_view key, span::AttributeValue value, std::vector<span::Attribute>& attributes) {
  const auto same = [&](const span::Attribute& attribute) { return attribute.key == key; };
  if (key.empty() || key == "service.name" || std::any_of(attributes.begin(), attributes.end(), same)) return;
  attributes.push_back({key, std::move(value)});
}

void AddText(std::string_view key, const std::string& value, std::vector<span::Attribute>& attributes) {
  if (!value.empty()) Add(key, value, attributes);
}

}  // namespace

std::vector<span::Attribute> ResourceTagger::Attributes(const process::ProcessInfo& process) const {
  std::vector<span::Attribute> attributes;
  AddText("host.name", host_name_, attributes);
  if (process.key.tgid != 0) {
    Add("process.pid", int64_t{process.key.tgid}, attributes);
    Add("process.parent_pid", int64_t{process.ppid}, attributes);
  }
  AddText("process.executable.path", process.exe, attributes);
  AddText("process.executable.name", process.comm, attributes);
  AddText("container.id", process.container_id, attributes);
  for (const auto* pairs : {&process.pod_attributes, &process.resource_attributes}) {
    for (const std::string& pair : *pairs) {
      const size_t equals = pair.find('=');
      if (equals == std::string::npos) continue;
      Add(std::string_view(pair).substr(0, equals), pair.substr(equals + 1), attributes);
    }
  }
  for (const auto& [key, value] : tags_) Add(key, value, attributes);
  return attributes;
}

}  // namespace tracelet::pipeline
