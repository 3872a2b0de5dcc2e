// tracelet.toml <-> Config. What is not in the file keeps its default; what is in it
// and means nothing, or cannot be, is a mistake that is told with its line, all of
// them at once.
#pragma once

#include <string>
#include <vector>

#include "agent/base/result.h"
#include "config/config.h"

namespace tracelet::config {

// `text` is the contents of `file`, which is only named in errors: one
// "FILE:LINE: what is wrong" per line.
Result<Config> Parse(const std::string& text, const std::string& file);
Result<Config> Load(const std::string& file);

// Every key with its value, below its comment. Parse(Print(config)) == config.
std::string Print(const Config& config);

// The keys ("exporter.jaeger.gzip") whose values differ.
std::vector<std::string> Differences(const Config& a, const Config& b);

}  // namespace tracelet::config
