#include "agent/pipeline/open_requests.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <map>
#include <vector>

#include "agent/admin/metrics_text.h"
#include "agent/pipeline/pipeline.h"
#include "agent/span/url.h"

namespace tracelet::pipeline {
namespace {

// Of one combination of labels.
struct Series {
  uint64_t open = 0;
  uint64_t oldest_ns = 0;
  uint64_t sent = 0;      // by this end
  uint64_t received = 0;  // by this end
};

struct Counts {
  uint64_t sent = 0;
  uint64_t received = 0;
};

// The parser's are those of requests and of responses.
Counts CountsOf(const OpenRequest& request) {
  const uint64_t asked = request.so_far.sent->count;
  const uint64_t answered = request.so_far.received->count;
  return request.kind == span::Kind::kClient ? Counts{asked, answered} : Counts{answered, asked};
}

std::string_view ServiceOf(const OpenRequest& request) {
  return request.process != nullptr ? std::string_view(request.process->service_name) : "unknown_service";
}

std::string LabelsOf(const OpenRequest& request) {
  std::string labels;
  admin::AppendLabel("service_name", ServiceOf(request), labels);
  admin::AppendLabel("kind", request.kind == span::Kind::kServer ? "server" : "client", labels);
  if (const auto procedure = protocol::grpc::ParseProcedure(request.so_far.exchange.target)) {
    admin::AppendLabel("rpc_service", procedure->service, labels);
    admin::AppendLabel("rpc_method", procedure->method, labels);
  }
  return labels;
}

std::string Describe(const OpenRequest& request) {
  const protocol::Exchange& exchange = request.so_far.exchange;
  const std::string_view path = span::ParseTarget(exchange.target, exchange.method == "CONNECT").path;
  std::string text =
      fmt::format("{} {} {} {} {:.1f} s", ServiceOf(request), request.kind == span::Kind::kServer ? "served" : "made",
                  exchange.method.empty() ? "?" : exchange.method, path.empty() ? "?" : path,
                  static_cast<double>(request.age_ns) / 1e9);
  if (request.so_far.sent == nullptr) return text;
  const Counts counts = CountsOf(request);
  return text + fmt::format(" ({} messages sent, {} received)", counts.sent, counts.received);
}

}  // namespace

void RenderOpenCalls(const Pipeline& pipeline, uint64_t older_than_ns, std::string& out) {
  std::map<std::string, Series> all;
  pipeline.ForEachOpen([&](const OpenRequest& request) {
    if (request.so_far.sent == nullptr || request.age_ns < older_than_ns) return;
    std::string labels = LabelsOf(request);
    if (all.size() >= kMaxOpenSeries && !all.contains(labels)) labels = R"(service_name="{other}")";
    Series& series = all[std::move(labels)];
    const Counts counts = CountsOf(request);
    ++series.open;
    series.oldest_ns = std::max(series.oldest_ns, request.age_ns);
    series.sent += counts.sent;
    series.received += counts.received;
  });
  if (all.empty()) return;
  admin::MetricsText text(out);
  text.Gauge("tracelet_rpc_streams_open", "Calls that have gone on for longer than [http] progress_s.");
  for (const auto& [labels, series] : all) text.Sample(labels, series.open);
  text.Gauge("tracelet_rpc_streams_oldest_seconds", "Age of the oldest of them.");
  for (const auto& [labels, series] : all) text.Sample(labels, series.oldest_ns / 1'000'000'000);
  text.Gauge("tracelet_rpc_streams_messages", "Their messages so far, those that could be counted.");
  for (const auto& [labels, series] : all) {
    text.Sample(labels + R"(,type="SENT")", series.sent);
    text.Sample(labels + R"(,type="RECEIVED")", series.received);
  }
}

std::string DescribeOpen(const Pipeline& pipeline) {
  std::multimap<uint64_t, std::string, std::greater<>> oldest;
  size_t count = 0;
  pipeline.ForEachOpen([&](const OpenRequest& request) {
    ++count;
    if (oldest.size() == kMaxOpenShown && std::prev(oldest.end())->first >= request.age_ns) return;
    oldest.emplace(request.age_ns, Describe(request));
    if (oldest.size() > kMaxOpenShown) oldest.erase(std::prev(oldest.end()));
  });
  if (count == 0) return "";
  std::string text = std::to_string(count) + ":";
  for (const auto& [age_ns, described] : oldest) text.append(text.back() == ':' ? " " : "; ").append(described);
  return count > oldest.size() ? text + "; ..." : text;
}

}  // namespace tracelet::pipeline
