// Prometheus' text format 0.0.4: one HELP and one TYPE line per name, then all its
// samples.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tracelet::admin {

// Adds `name="value"`, escaped, with a comma before it unless it is the first.
void AppendLabel(std::string_view name, std::string_view value, std::string& labels);

class MetricsText {
 public:
  explicit MetricsText(std::string& out) : out_(out) {}

  // Begins a name; all its samples follow.
  void Counter(std::string_view name, std::string_view help) { Begin(name, help, "counter"); }
  void Gauge(std::string_view name, std::string_view help) { Begin(name, help, "gauge"); }
  void Histogram(std::string_view name, std::string_view help) { Begin(name, help, "histogram"); }

  // `labels` as written between the braces, or empty.
  void Sample(std::string_view labels, uint64_t value) { Line("", labels, std::to_string(value)); }
  // Of a histogram: spans up to `bound`, one line per bound; then its sum and count.
  void Bucket(std::string_view labels, double bound, uint64_t up_to);
  void EndBuckets(std::string_view labels, double sum, uint64_t count);

 private:
  void Begin(std::string_view name, std::string_view help, std::string_view type);
  void Line(std::string_view suffix, std::string_view labels, std::string_view value);

  std::string& out_;
  std::string name_;
};

}  // namespace tracelet::admin
