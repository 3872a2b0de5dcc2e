// What it costs to assemble, link, and export spans: export_bench OUTPUT SPANS_PER_SECOND SECONDS
// OUTPUT: none, tree, json, jaeger, otlp, otlp_http, file, or jaeger_hung, a collector that never answers.
// Prints one JSON object.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "agent/pipeline/pipeline.h"
#include "agent/pipeline/red_metrics.h"
#include "agent/pipeline/redactor.h"
#include "agent/pipeline/sampler.h"
#include "exporter/console/console.h"
#include "exporter/export_set.h"
#include "exporter/json/json_lines.h"
#include "exporter/output.h"
#include "exporter/registry.h"
#include "tests/bench/export/counting_sink.h"
#include "tests/bench/export/paced_requests.h"

namespace tracelet::bench {
namespace {

using Clock = std::chrono::steady_clock;

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double RssMegabytes() {
  std::ifstream statm("/proc/self/statm");
  long size = 0;
  long resident = 0;
  statm >> size >> resident;
  return static_cast<double>(resident * sysconf(_SC_PAGESIZE)) / 1e6;
}

config::Config Configure(const std::string& output, const CountingSink& sink, const std::string& file) {
  config::Config config;
  const std::string grpc = "127.0.0.1:" + std::to_string(sink.grpc_port());
  if (output.starts_with("jaeger")) config.exporter.jaeger.endpoints = {grpc};
  if (output == "otlp") config.exporter.otlp.endpoints = {grpc};
  if (output == "otlp_http") {
    config.exporter.otlp.protocol = "http";
    config.exporter.otlp.endpoints = {"http://127.0.0.1:" + std::to_string(sink.http_port())};
  }
  if (output == "file") config.exporter.file.path = file;
  return config;
}

// What the spans end in: nothing, a view, or the exporters as in the agent.
struct Outputs {
  Outputs(const std::string& name, const config::Config& config, exporter::ExportSet& exports)
      : output(open("/dev/null", O_WRONLY)), redactor(config.pipeline.redactor, exports) {
    if (name == "tree") view = std::make_unique<exporter::Console>(output, exporter::Terminal{});
    if (name == "json") view = std::make_unique<exporter::JsonLines>(output, "node-1");
  }
  span::SpanSink& sink() { return view ? static_cast<span::SpanSink&>(*view) : redactor; }

  exporter::Output output;
  std::unique_ptr<exporter::Exporter> view;
  pipeline::Redactor redactor;
};

int Run(const std::string& name, double spans_per_second, double seconds) {
  const CountingSink collector;
  if (name == "jaeger_hung") collector.Hang();
  const std::string file = std::filesystem::temp_directory_path() / ("export_bench." + std::to_string(getpid()));
  const config::Config config = Configure(name, collector, file);
  auto workers = exporter::StartWorkers(config, "node-1");
  if (!workers) return 1;
  exporter::ExportSet exports(std::move(*workers));
  Outputs outputs(name, config, exports);
  pipeline::Sampler sampler(config.pipeline.sampler, outputs.sink());
  pipeline::RedMetrics red_metrics(config.pipeline.red_metrics, sampler);
  pipeline::Pipeline pipeline(config, red_metrics, {});
  PacedRequests source(pipeline);

  constexpr double kTurn = 0.020;  // as the capture thread drains its rings
  const auto begin = Clock::now();
  const double cpu = CpuSeconds();
  double due = 0;
  uint64_t requests = 0;
  for (double time = 0; time < seconds; time += kTurn) {
    due += spans_per_second / 2 * kTurn;
    const auto now_due = static_cast<uint64_t>(due);
    source.Deliver(now_due - requests, kTurn);
    requests = now_due;
    std::this_thread::sleep_until(begin + std::chrono::duration<double>(time + kTurn));
  }
  const double late = std::chrono::duration<double>(Clock::now() - begin).count() / seconds;
  const double rss = RssMegabytes();
  pipeline.Finish();
  exports.Finish(Clock::now() + std::chrono::seconds(9));
  const double spent = CpuSeconds() - cpu;
  uint64_t exported = 0;
  uint64_t dropped = 0;
  for (const auto& [_, ledger] : exports.ledgers()) {
    exported += ledger.exported;
    dropped += ledger.dropped.Total();
  }
  unlink(file.c_str());
  std::printf(R"({"output":"%s","spans_per_second":%.0f,"spans":%lu,"exported":%lu,"dropped":%lu,)"
              R"("cpu_s_per_million":%.3f,"rss_mb":%.1f,"late":%.3f})"
              "\n",
              name.c_str(), spans_per_second, pipeline.spans().exported, exported,
              dropped + pipeline.spans().dropped.Total(), spent / static_cast<double>(requests * 2) * 1e6, rss, late);
  return 0;
}

}  // namespace
}  // namespace tracelet::bench

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: export_bench OUTPUT SPANS_PER_SECOND SECONDS\n");
    return 2;
  }
  return tracelet::bench::Run(argv[1], std::atof(argv[2]), std::atof(argv[3]));
}
