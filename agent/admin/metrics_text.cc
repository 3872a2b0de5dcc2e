#include "agent/admin/metrics_text.h"

#include <spdlog/fmt/fmt.h>

namespace tracelet::admin {

void AppendLabel(std::string_view name, std::string_view value, std::string& labels) {
  if (!labels.empty()) labels += ',';
  labels.append(name).append("=\"");
  for (const char byte : value) {
    if (byte == '\\' || byte == '"') labels += '\\';
    if (byte == '\n') {
      labels += "\\n";
    } else {
      labels += byte;
    }
  }
  labels += '"';
}

void MetricsText::Begin(std::string_view name, std::string_view help, std::string_view type) {
  name_ = name;
  out_.append("# HELP ").append(name).append(" ").append(help).append("\n");
  out_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

void MetricsText::Line(std::string_view suffix, std::string_view labels, std::string_view value) {
  out_.append(name_).append(suffix);
  if (!labels.empty()) out_.append("{").append(labels).append("}");
  out_.append(" ").append(value).append("\n");
}

void MetricsText::Bucket(std::string_view labels, double bound, uint64_t up_to) {
  std::string with_bound(labels);
  AppendLabel("le", fmt::format("{}", bound), with_bound);
  Line("_bucket", with_bound, std::to_string(up_to));
}

void MetricsText::EndBuckets(std::string_view labels, double sum, uint64_t count) {
  std::string with_bound(labels);
  AppendLabel("le", "+Inf", with_bound);
  Line("_bucket", with_bound, std::to_string(count));
  Line("_sum", labels, fmt::format("{}", sum));
  Line("_count", labels, std::to_string(count));
}

}  // namespace tracelet::admin
