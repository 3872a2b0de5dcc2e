// Composition root, with daemon.cc: the only files that name concrete sources and exporters.
#include <signal.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "agent/base/start_pages.h"
#include "agent/cli/agent_config.h"
#include "agent/cli/check.h"
#include "agent/cli/check_tls.h"
#include "agent/cli/options.h"
#include "agent/cli/program.h"
#include "agent/cli/session.h"
#include "agent/cli/stop_signals.h"
#include "agent/cli/summary.h"
#include "agent/daemon.h"
#include "agent/pipeline/open_requests.h"
#include "agent/pipeline/pipeline.h"
#include "agent/source/bpf_source.h"
#include "agent/source/recording.h"
#include "agent/source/replay_source.h"
#include "config/toml.h"
#include "exporter/console/console.h"
#include "exporter/console/terminal.h"
#include "exporter/export_set.h"
#include "exporter/json/json_lines.h"
#include "exporter/output.h"
#include "exporter/registry.h"

namespace tracelet {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kOutputPatience{1'000};  // at the end, for a slow reader
constexpr std::chrono::milliseconds kExportPatience{5'000};  // and for a collector

int Fail(const Error& error) {
  std::fprintf(stderr, "tracelet: %s\n", error.message.c_str());
  return 1;
}

std::string HostName() {
  char name[256] = {};  // HOST_NAME_MAX is 64
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "";
}

std::unique_ptr<exporter::Exporter> MakeExporter(cli::Format format, exporter::Output& output) {
  if (format == cli::Format::kJson) return std::make_unique<exporter::JsonLines>(output, HostName());
  return std::make_unique<exporter::Console>(output, exporter::DetectTerminal(STDOUT_FILENO));
}

// The view, and the collectors of --otlp and --jaeger.
struct Tee : span::SpanSink {
  Tee(span::SpanSink& a, span::SpanSink& b) : view(a), exports(b) {}
  void OnSpan(std::shared_ptr<const span::Span> span) override {
    exports.OnSpan(span);
    view.OnSpan(std::move(span));
  }
  void OnWatermark(uint64_t unix_ns) override { view.OnWatermark(unix_ns); }

  span::SpanSink& view;
  span::SpanSink& exports;
};

using Workers = std::vector<std::unique_ptr<exporter::ExportWorker>>;

// Everything right of the source.
struct Chain {
  Chain(const cli::Options& options, Workers workers, exporter::WhenFull when_full, source::EventSource& source)
      : output(STDOUT_FILENO, when_full),
        exporter(MakeExporter(options.format, output)),
        exports(std::move(workers)),
        tee(*exporter, exports),
        tally(tee),
        pipeline(options.config, tally,
                 [&source](const conn_id& conn, bool encrypted) { source.Ignore(conn, encrypted); }) {}

  // Passes everything on that is held, and sums up. Last call.
  std::string Finish(const source::EventSource& source, Clock::time_point since) {
    pipeline.Finish();
    const std::string open = pipeline::DescribeOpen(pipeline);
    exporter->Finish();
    output.Finish(kOutputPatience);
    exports.Finish(Clock::now() + kExportPatience);
    const cli::Ledgers ledgers = {.kernel = source.Ledger(),
                                  .events_used = pipeline.events().used,
                                  .events_ignored = cli::NonZero(pipeline.events().ignored),
                                  .spans = pipeline.spans(),
                                  .open = exporter::Printable(open, exporter::DetectTerminal(STDERR_FILENO).unicode),
                                  .output_dropped = output.spans_dropped()};
    return cli::RenderSummary(tally, ledgers,
                              std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - since)) +
           cli::RenderExports(exports.ledgers());
  }

  exporter::Output output;
  std::unique_ptr<exporter::Exporter> exporter;
  exporter::ExportSet exports;
  Tee tee;
  cli::SpanTally tally;
  pipeline::Pipeline pipeline;
};

Status Capture(const cli::Options& options, cli::Program* program) {
  cli::StopSignals::Install();
  auto source = source::BpfSource::Start(options.config.source, options.config.selector);
  if (!source) return source.error();
  auto workers = exporter::StartWorkers(options.config, HostName());
  if (!workers) return workers.error();
  Chain chain(options, std::move(*workers), exporter::WhenFull::kDrop, **source);
  source::EventSink* sink = &chain.pipeline;
  std::unique_ptr<source::Recorder> recorder;
  if (!options.record_file.empty()) {
    auto created = source::Recorder::Create(options.record_file, chain.pipeline);
    if (!created) return created.error();
    recorder = std::move(*created);
    sink = recorder.get();
  }
  GiveBackStartPages();
  std::fprintf(stderr, "tracelet: ready\n");
  if (program != nullptr) {
    if (Status released = program->Release(); !released) return released;
  }
  const auto since = Clock::now();
  cli::Ending ending(options.duration, program);
  const Status pumped = cli::Pump(**source, *sink, [&] { return ending.Reached(chain.output.reader_gone()); });
  const Status recorded = recorder ? recorder->Finish((*source)->Ledger()) : Ok();
  std::fputs(chain.Finish(**source, since).c_str(), stderr);
  return pumped ? recorded : pumped;
}

int Run(cli::Options options) {
  std::unique_ptr<cli::Program> program;
  if (!options.program.empty()) {
    auto forked = cli::Program::Fork(options.program);
    if (!forked) return Fail(forked.error());
    program = std::make_unique<cli::Program>(std::move(*forked));
    options.config.selector.tree = static_cast<uint32_t>(program->pid());
  }
  const Status captured = Capture(options, program.get());
  const int failed = captured ? 0 : Fail(captured.error());
  if (program == nullptr) return failed;
  return program->Ended().value_or(failed != 0 ? failed : 128 + cli::StopSignals::Received());
}

int Replay(const cli::Options& options) {
  auto source = source::ReplaySource::Open(options.replay_file);
  if (!source) return Fail(source.error());
  signal(SIGPIPE, SIG_IGN);
  const auto since = Clock::now();
  Chain chain(options, {}, exporter::WhenFull::kWait, **source);
  const Status pumped = cli::Pump(**source, chain.pipeline, [&] { return chain.output.reader_gone(); });
  std::fputs(chain.Finish(**source, since).c_str(), stderr);
  return pumped ? 0 : Fail(pumped.error());
}

int Check() {
  std::unique_ptr<source::BpfSource> source;
  const auto start = [&]() -> Status {
    auto started = source::BpfSource::Start({}, {});
    if (!started) return started.error();
    source = std::move(*started);
    return Ok();
  };
  const auto findings = cli::CheckHost("", {.start = start, .late = [&] { return source->LoadLate(); }});
  source.reset();
  std::fputs(cli::RenderFindings(findings).c_str(), stdout);
  size_t others = 0;
  const auto processes = cli::CheckProcesses(others);
  std::fputs(cli::RenderProcesses(processes, others).c_str(), stdout);
  return cli::WouldStart(findings) ? 0 : 1;
}

int Agent(const cli::Options& options) {
  const auto config = cli::AgentConfig(options);
  if (!config) return Fail(config.error());
  if (options.print_config) {
    std::fputs(config::Print(*config).c_str(), stdout);
    return 0;
  }
  spdlog::set_level(spdlog::level::from_str(*config::LogLevel(options.jaeger_flags)));
  std::function<Result<config::Config>()> read_again;
  if (!options.config_file.empty()) read_again = [&options] { return cli::AgentConfig(options); };
  const Status ran = RunDaemon(*config, std::move(read_again), HostName());
  return ran ? 0 : Fail(ran.error());
}

int CheckConfig(const std::string& file) {
  const auto config = config::Load(file);
  if (!config) {
    std::fprintf(stderr, "%s\n", config.error().message.c_str());
    return 1;
  }
  const auto changed = config::Differences(*config, {});
  std::printf("%s: fine; %zu keys differ from their defaults\n", file.c_str(), changed.size());
  for (const std::string& key : changed) std::printf("  %s\n", key.c_str());
  return 0;
}

int Main(const std::vector<std::string>& args) {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("tracelet"));  // stdout is for spans
  auto parsed = cli::ParseOptions(args);
  if (const auto* exit = std::get_if<cli::Exit>(&parsed)) {
    std::fputs(exit->text.c_str(), exit->status == 0 ? stdout : stderr);
    return exit->status;
  }
  auto& options = std::get<cli::Options>(parsed);
  switch (options.command) {
    case cli::Command::kRun:
      return Run(std::move(options));
    case cli::Command::kReplay:
      return Replay(options);
    case cli::Command::kCheck:
      return Check();
    case cli::Command::kAgent:
      return Agent(options);
    case cli::Command::kPrintConfig:
      std::fputs(config::Print({}).c_str(), stdout);
      return 0;
    case cli::Command::kCheckConfig:
      return CheckConfig(options.config_file);
  }
  return cli::kUsageError;
}

}  // namespace
}  // namespace tracelet

int main(int argc, char** argv) { return tracelet::Main({argv + 1, argv + argc}); }
