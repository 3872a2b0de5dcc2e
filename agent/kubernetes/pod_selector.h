// Which pods are traced: config::Selector's keys about pods, and the annotation
// tracelet.io/trace. Immutable; any thread.
#pragma once

#include <string_view>

#include "agent/kubernetes/pod.h"
#include "config/config.h"

namespace tracelet::kubernetes {

class PodSelector {
 public:
  explicit PodSelector(config::Selector settings) : settings_(std::move(settings)) {}

  // `pod` null: the process is in none.
  [[nodiscard]] bool Selects(const Pod* pod, std::string_view container_id) const;

 private:
  config::Selector settings_;
};

}  // namespace tracelet::kubernetes
