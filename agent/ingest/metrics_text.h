// Prometheus' text format 0.0.4, as jaeger-agent's /metrics has it: one HELP and one
// TYPE line per name, then its samples.
#pragma once

#include <string>
#include <string_view>

namespace tracelet::ingest {

class MetricsText {
 public:
  explicit MetricsText(std::string& out) : out_(out) {}

  // Begins a name; all its samples follow.
  void Counter(std::string_view name, std::string_view help) { Begin(name, help, "counter"); }
  void Gauge(std::string_view name, std::string_view help) { Begin(name, help, "gauge"); }
  // `labels` as written between the braces, or empty.
  void Sample(std::string_view labels, uint64_t value) {
    out_.append(name_);
    if (!labels.empty()) out_.append("{").append(labels).append("}");
    out_.append(" ").append(std::to_string(value)).append("\n");
  }

 private:
  void Begin(std::string_view name, std::string_view help, std::string_view type) {
    name_ = name;
    out_.append("# HELP ").append(name).append(" ").append(help).append("\n");
    out_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
  }

  std::string& out_;
  std::string name_;
};

}  // namespace tracelet::ingest
