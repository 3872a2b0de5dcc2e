// Values that are fine one by one and cannot be together, or cannot mean anything.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace tracelet::config {

struct Impossible {
  std::string key;  // "exporter.otlp.endpoints"
  std::string why;  // continues the sentence that begins with the key
};

std::vector<Impossible> FindImpossible(const Config& config);

}  // namespace tracelet::config
