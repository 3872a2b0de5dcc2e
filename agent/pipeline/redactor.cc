#include "agent/pipeline/redactor.h"

#include <algorithm>

namespace tracelet::pipeline {

bool MatchesKey(const std::vector<std::string>& patterns, std::string_view key) {
  return std::ranges::any_of(patterns, [&](const std::string& pattern) {
    if (!pattern.ends_with('*')) return pattern == key;
    return key.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1));
  });
}

void Redactor::OnSpan(std::shared_ptr<const span::Span> span) {
  const auto drop = [this](const span::Attribute& attribute) {
    return MatchesKey(config_.drop_attributes, attribute.key);
  };
  const auto mask = [this](const span::Attribute& attribute) {
    return MatchesKey(config_.mask_attributes, attribute.key);
  };
  const bool nothing = config_.drop_attributes.empty() && config_.mask_attributes.empty();
  if (nothing || std::ranges::none_of(span->attributes,
                                      [&](const auto& attribute) { return drop(attribute) || mask(attribute); })) {
    Pass(std::move(span));
    return;
  }
  auto redacted = std::make_shared<span::Span>(*span);
  std::erase_if(redacted->attributes, drop);
  for (span::Attribute& attribute : redacted->attributes) {
    if (mask(attribute)) attribute.value = std::string(kMask);
  }
  Pass(std::move(redacted));
}

}  // namespace tracelet::pipeline
