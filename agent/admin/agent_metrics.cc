#include "agent/admin/agent_metrics.h"

#include "agent/admin/metrics_text.h"
#include "agent/cli/version.h"

namespace tracelet::admin {
namespace {

std::string Labels(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
  std::string labels;
  for (const auto& [name, value] : pairs) AppendLabel(name, value, labels);
  return labels;
}

template <typename E>
void AppendCounters(std::string_view name, std::string_view help, std::string_view label, const Counters<E>& counters,
                    MetricsText& text) {
  text.Counter(name, help);
  counters.ForEach([&](E what, uint64_t count) { text.Sample(Labels({{label, Name(what)}}), count); });
}

void AppendCounter(std::string_view name, std::string_view help, uint64_t value, MetricsText& text) {
  text.Counter(name, help);
  text.Sample("", value);
}

void AppendGauge(std::string_view name, std::string_view help, uint64_t value, MetricsText& text) {
  text.Gauge(name, help);
  text.Sample("", value);
}

}  // namespace

void AppendBuildInfo(std::string& out) {
  MetricsText text(out);
  text.Gauge("tracelet_build_info", "Always 1.");
  text.Sample(Labels({{"version", cli::kVersion}}), 1);
  text.Gauge("jaeger_agent_build_info", "Always 1; the version is tracelet's.");
  text.Sample(Labels({{"build_date", ""}, {"revision", ""}, {"version", cli::kVersion}}), 1);
}

void AppendKernel(const source::KernelLedger& kernel, std::string& out) {
  MetricsText text(out);
  AppendCounter("tracelet_kernel_records_attempted_total", "Records the programs wanted to submit.", kernel.attempted,
                text);
  AppendCounter("tracelet_kernel_records_consumed_total", "Of these, taken out of a ring.", kernel.consumed, text);
  text.Counter("tracelet_kernel_records_dropped_total", "Of these, lost.");
  text.Sample(Labels({{"reason", "ring_full"}}), kernel.ring_full);
  text.Counter("tracelet_kernel_skipped_total", "What was not tried.");
  text.Sample(Labels({{"reason", "connections_full"}}), kernel.connections_full);
  text.Sample(Labels({{"reason", "threads_full"}}), kernel.threads_full);
  text.Sample(Labels({{"reason", "compat_task"}}), kernel.compat_tasks);
  text.Sample(Labels({{"reason", "unreadable"}}), kernel.unreadable);
  text.Sample(Labels({{"reason", "frames_lost"}}), kernel.frames_lost);
  text.Sample(Labels({{"reason", "records_lost"}}), kernel.records_lost);
  text.Counter("tracelet_events_discarded_total", "Records taken out of a ring that never became events.");
  text.Sample(Labels({{"reason", "not_selected"}}), kernel.not_selected);
  text.Sample(Labels({{"reason", "without_connection"}}), kernel.without_connection);
  text.Sample(Labels({{"reason", "malformed"}}), kernel.malformed);
}

void AppendTls(const source::TlsLedger& tls, std::string& out) {
  MetricsText text(out);
  AppendGauge("tracelet_tls_files", "Libraries and programs whose TLS functions are probed.", tls.files, text);
  AppendGauge("tracelet_tls_trap_nanoseconds", "What a probe takes here before its program runs; 0: none was set yet.",
              tls.trap_ns, text);
  text.Counter("tracelet_tls_files_detached_total", "Files that are not probed again until a restart.");
  text.Sample(Labels({{"reason", "costs"}}), tls.detached_costs);
  text.Sample(Labels({{"reason", "crash"}}), tls.detached_crashes);
}

void AppendProgramCosts(const std::vector<source::ProgramRuns>& programs, uint64_t sampled_ns, std::string& out) {
  MetricsText text(out);
  AppendCounter("tracelet_bpf_sampled_nanoseconds_total", "How long the kernel counted what the programs cost.",
                sampled_ns, text);
  text.Counter("tracelet_bpf_sampled_runs_total", "Runs within that time.");
  for (const auto& program : programs) text.Sample(Labels({{"program", program.name}}), program.runs);
  text.Counter("tracelet_bpf_sampled_run_nanoseconds_total", "CPU time of these runs.");
  for (const auto& program : programs) text.Sample(Labels({{"program", program.name}}), program.ns);
}

void AppendPipeline(const pipeline::Pipeline& pipeline, const pipeline::Sampler& sampler, std::string& out) {
  MetricsText text(out);
  AppendCounter("tracelet_events_used_total", "Events that told something.", pipeline.events().used, text);
  AppendCounters("tracelet_events_ignored_total", "Events that told nothing.", "reason", pipeline.events().ignored,
                 text);
  AppendCounter("tracelet_requests_unfollowed_total", "HTTP/2 requests that became no span: too many were open.",
                pipeline.tracker().unfollowed(), text);
  const span::SpanLedger& spans = pipeline.spans();
  AppendCounter("tracelet_spans_assembled_total", "assembled = final + dropped + held.", spans.assembled, text);
  AppendCounter("tracelet_spans_final_total", "Passed on to sampling and export.", spans.exported, text);
  AppendCounter("tracelet_spans_early_total", "Of these, before they were final: too many were held.", spans.early,
                text);
  AppendGauge("tracelet_spans_held", "Ended, and not final yet.", spans.held, text);
  AppendCounters("tracelet_spans_dropped_total", "Before they were final.", "reason", spans.dropped, text);
  AppendCounter("tracelet_spans_not_sampled_total", "Final, and left out by the sampler.", sampler.left_out(), text);
  AppendCounter("tracelet_spans_joined_total", "Final, and not exported: the application's own span stands for them.",
                sampler.joined(), text);
  AppendCounters("tracelet_sdk_spans_total",
                 "Servers' and clients' spans of processes on this host, by how they were joined.", "outcome",
                 pipeline.stitcher().sdk_spans(), text);
  AppendGauge("tracelet_requests_open", "Requests that are going on.", pipeline.stitcher().open(), text);
  AppendCounters("tracelet_links_total", "Final spans by how their parent was found; none: roots.", "rule",
                 pipeline.stitcher().links(), text);
  AppendCounters("tracelet_links_refused_total", "Final spans by why they have no parent.", "reason",
                 pipeline.stitcher().refused(), text);
}

void AppendPeers(const span::PeerLedger& ledger, std::string& out) {
  MetricsText text(out);
  AppendCounter("tracelet_peer_questions_begun_total", "Requests from other nodes: begun = ended + open.", ledger.begun,
                text);
  AppendCounters("tracelet_peer_questions_total", "Those that ended.", "outcome", ledger.ended, text);
  AppendGauge("tracelet_peer_questions_open", "Not ended yet.", ledger.open, text);
  AppendCounter("tracelet_peer_asked_total", "Times that an agent was asked about one.", ledger.asked, text);
  text.Counter("tracelet_peer_told_total", "Questions of other agents, by what was answered.");
  text.Sample(Labels({{"answer", "final"}}), ledger.told_final);
  text.Sample(Labels({{"answer", "pending"}}), ledger.told_pending);
  text.Sample(Labels({{"answer", "unknown"}}), ledger.told_unknown);
}

void AppendPods(const pipeline::PodTagger& tagger, std::string& out) {
  MetricsText text(out);
  AppendCounter("tracelet_spans_not_selected_total", "Final, and left out because their pod is not selected.",
                tagger.not_selected(), text);
}

void AppendJaegerConnection(const std::vector<std::pair<std::string, exporter::ExportLedger>>& exporters,
                            std::string& out) {
  exporter::ExportLedger jaeger;
  for (const auto& [name, ledger] : exporters) {
    if (name == "jaeger") jaeger = ledger;
  }
  MetricsText text(out);
  const std::string labels = Labels({{"protocol", "grpc"}});
  text.Gauge("jaeger_agent_connection_status_collector_connected", "1 while the last call was answered.");
  text.Sample(labels, uint64_t{jaeger.connects > 0 && jaeger.reachable});
  text.Counter("jaeger_agent_connection_status_collector_reconnects_total",
               "Calls that were answered after none was, the first one too.");
  text.Sample(labels, jaeger.connects);
}

void AppendExporters(const std::vector<std::pair<std::string, exporter::ExportLedger>>& exporters, std::string& out) {
  if (exporters.empty()) return;
  MetricsText text(out);
  const auto each = [&](auto value) {
    for (const auto& [name, ledger] : exporters) text.Sample(Labels({{"exporter", name}}), value(ledger));
  };
  using exporter::ExportLedger;
  text.Counter("tracelet_exporter_spans_accepted_total", "accepted = exported + dropped + held.");
  each([](const ExportLedger& ledger) { return ledger.accepted; });
  text.Counter("tracelet_exporter_spans_exported_total", "Taken by the backend.");
  each([](const ExportLedger& ledger) { return ledger.exported; });
  text.Counter("tracelet_exporter_spans_dropped_total", "Lost, by reason.");
  for (const auto& each_exporter : exporters) {
    each_exporter.second.dropped.ForEach([&](exporter::ExportDrop reason, uint64_t count) {
      text.Sample(Labels({{"exporter", each_exporter.first}, {"reason", Name(reason)}}), count);
    });
  }
  text.Gauge("tracelet_exporter_spans_held", "Waiting or on their way.");
  each([](const ExportLedger& ledger) { return ledger.held; });
  text.Gauge("tracelet_exporter_queue_bytes", "Encoded, waiting or on their way.");
  each([](const ExportLedger& ledger) { return ledger.queue_bytes; });
  text.Counter("tracelet_exporter_calls_total", "Calls to the backend.");
  each([](const ExportLedger& ledger) { return ledger.calls; });
  text.Counter("tracelet_exporter_failed_calls_total", "Of these, not answered well.");
  each([](const ExportLedger& ledger) { return ledger.failed_calls; });
  text.Gauge("tracelet_exporter_reachable", "1 while the last call was answered.");
  each([](const ExportLedger& ledger) { return uint64_t{ledger.reachable}; });
}

}  // namespace tracelet::admin
