// Every key of tracelet.toml: where its value lives in Config, what it may be, and
// the comment that stands above it in the file. Reading, printing, checking and
// comparing configurations all walk this one list.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/config.h"

namespace tracelet::config {

using Texts = std::vector<std::string>;
using TextMap = std::map<std::string, std::string>;
using ShareMap = std::map<std::string, double>;
using Place = std::variant<bool*, uint32_t*, uint64_t*, double*, std::string*, Texts*, std::vector<uint32_t>*,
                           std::vector<uint16_t>*, TextMap*, ShareMap*>;

struct Key {
  std::string name;
  Place place;
  std::string comment;
  // Numbers, one by one where there are several.
  double min = 0;
  double max = 9e15;
  Texts choices;  // of a text; empty: any
};

struct Section {
  std::string name;  // "exporter.jaeger"
  std::string comment;
  std::vector<Key> keys;
};

// The places point into `config`, which must outlive them.
std::vector<Section> Schema(Config& config);

}  // namespace tracelet::config
