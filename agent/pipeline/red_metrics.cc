#include "agent/pipeline/red_metrics.h"

#include <algorithm>
#include <variant>

#include "agent/admin/metrics_text.h"
#include "agent/span/attributes.h"

namespace tracelet::pipeline {
namespace {

// `,label="value"` of an attribute, if the span has it.
void AppendLabel(const span::Span& span, std::string_view key, std::string_view label, std::string& out) {
  const auto found = std::ranges::find(span.attributes, key, &span::Attribute::key);
  if (found == span.attributes.end()) return;
  if (const auto* text = std::get_if<std::string>(&found->value)) admin::AppendLabel(label, *text, out);
  if (const auto* number = std::get_if<int64_t>(&found->value)) admin::AppendLabel(label, std::to_string(*number), out);
}

void BuildLabels(const span::Span& span, std::string& out) {
  out.clear();
  admin::AppendLabel("service_name", span.process->service_name, out);
  AppendLabel(span, span::attributes::kHttpRequestMethod, "http_request_method", out);
  const bool server = span.kind == span::Kind::kServer;
  if (server) AppendLabel(span, span::attributes::kHttpRoute, "http_route", out);
  AppendLabel(span, span::attributes::kHttpResponseStatusCode, "http_response_status_code", out);
  AppendLabel(span, span::attributes::kErrorType, "error_type", out);
}

}  // namespace

RedMetrics::Series& RedMetrics::Find(ByLabels& series, const span::Span& span) {
  BuildLabels(span, labels_);
  const auto found = series.find(labels_);
  if (found != series.end()) return found->second;
  if (server_.size() + client_.size() >= config_.max_series) {
    ++overflowed_;
    return series[R"(service_name="{other}")"];
  }
  return series[labels_];
}

void RedMetrics::OnSpan(std::shared_ptr<const span::Span> span) {
  if (config_.enabled) {
    Series& series = Find(span->kind == span::Kind::kServer ? server_ : client_, *span);
    const uint64_t duration_ns = span->end_unix_ns - std::min(span->start_unix_ns, span->end_unix_ns);
    const double seconds = static_cast<double>(duration_ns) / 1e9;
    const auto bucket = std::ranges::lower_bound(kBounds, seconds) - kBounds.begin();
    ++series.buckets[static_cast<size_t>(bucket)];
    ++series.count;
    series.sum_ns += duration_ns;
  }
  Pass(std::move(span));
}

void RedMetrics::Render(std::string& out) const {
  admin::MetricsText text(out);
  const auto render = [&](const char* name, const char* help, const ByLabels& all) {
    if (all.empty()) return;
    text.Histogram(name, help);
    for (const auto& [labels, series] : all) {
      uint64_t below = 0;
      for (size_t i = 0; i < kBounds.size(); ++i) text.Bucket(labels, kBounds[i], below += series.buckets[i]);
      text.EndBuckets(labels, static_cast<double>(series.sum_ns) / 1e9, series.count);
    }
  };
  render("http_server_request_duration_seconds", "Requests served, by their duration.", server_);
  render("http_client_request_duration_seconds", "Requests made, by their duration.", client_);
  text.Counter("tracelet_red_metrics_overflowed_total", "Requests counted as service {other}: too many series.");
  text.Sample("", overflowed_);
}

}  // namespace tracelet::pipeline
