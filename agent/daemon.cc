#include "agent/daemon.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <thread>
#include <utility>

#include "agent/admin/admin_server.h"
#include "agent/admin/agent_metrics.h"
#include "agent/admin/asked.h"
#include "agent/base/heap.h"
#include "agent/base/start_pages.h"
#include "agent/cli/session.h"
#include "agent/cli/stop_signals.h"
#include "agent/ingest/jaeger_agent.h"
#include "agent/kubernetes/cluster.h"
#include "agent/peer/installation_key.h"
#include "agent/pipeline/open_requests.h"
#include "agent/pipeline/pipeline.h"
#include "agent/pipeline/pod_tagger.h"
#include "agent/pipeline/red_metrics.h"
#include "agent/pipeline/redactor.h"
#include "agent/pipeline/sampler.h"
#include "agent/source/bpf_source.h"
#include "config/toml.h"
#include "exporter/export_set.h"
#include "exporter/jaeger/sampling_client.h"
#include "exporter/peer/peers.h"
#include "exporter/registry.h"
#include "exporter/wire/ingest_encoder.h"

namespace tracelet {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kIdlePoll{50};          // without capture
constexpr milliseconds kMetricsPatience{500};  // for the capture thread to write its numbers down
constexpr std::chrono::seconds kStuck{30};
constexpr std::chrono::seconds kExportWithin{9};  // of kStopWithin; the rest is for what comes before and after

class Daemon {
 public:
  using ReadConfig = std::function<Result<config::Config>()>;

  Daemon(config::Config config, ReadConfig read_again, std::vector<std::unique_ptr<exporter::ExportWorker>> workers)
      : config_(std::move(config)),
        read_again_(std::move(read_again)),
        exports_(std::move(workers)),
        encoder_(config_.ingest.tags, {&exports_}),
        joiner_(config_.ingest.sdk_join, {&exports_}),
        redactor_(config_.pipeline.redactor, exports_),
        sampler_(config_.pipeline.sampler, redactor_),
        red_metrics_(config_.pipeline.red_metrics, sampler_) {}

  Status Run(const std::string& host_name);

 private:
  Status StartAdmin();
  Status StartIngest();
  Status StartPeers();
  void StartKubernetes(const std::string& host_name);
  Status StartCapture();
  Status Turn();
  void StopIngest();
  bool Over();
  void Reload();
  [[nodiscard]] std::string RenderCapture() const;

  config::Config config_;
  const ReadConfig read_again_;
  exporter::ExportSet exports_;
  exporter::wire::IngestEncoder encoder_;  // of what is received
  exporter::wire::SdkJoiner joiner_;
  pipeline::Redactor redactor_;
  pipeline::Sampler sampler_;
  pipeline::RedMetrics red_metrics_;
  peer::Secrets secrets_;
  std::unique_ptr<exporter::Peers> peers_;           // null: links end at this node
  std::unique_ptr<kubernetes::Cluster> cluster_;     // null: not asked
  std::unique_ptr<pipeline::PodTagger> pod_tagger_;  // with it
  std::unique_ptr<source::BpfSource> source_;        // null: no capture
  std::unique_ptr<pipeline::Pipeline> pipeline_;
  std::unique_ptr<exporter::SamplingClient> collectors_;  // null: none
  std::unique_ptr<ingest::JaegerAgent> ingest_;
  admin::Asked capture_numbers_;
  std::unique_ptr<admin::AdminServer> admin_;
};

Status Daemon::StartAdmin() {
  if (config_.admin.listen.empty()) return Ok();
  admin::AdminSources sources;
  sources.alive = [this] { return capture_numbers_.Silence() < kStuck; };
  sources.metrics.emplace_back(admin::AppendBuildInfo);
  sources.metrics.emplace_back([this](std::string& out) { out += capture_numbers_.Ask(kMetricsPatience); });
  sources.metrics.emplace_back([this](std::string& out) { ingest_->AppendMetrics(out); });
  if (peers_) sources.metrics.emplace_back([this](std::string& out) { peers_->AppendMetrics(out); });
  if (cluster_) sources.metrics.emplace_back([this](std::string& out) { cluster_->AppendMetrics(out); });
  sources.metrics.emplace_back([this](std::string& out) {
    const auto ledgers = exports_.ledgers();
    admin::AppendJaegerConnection(ledgers, out);
    admin::AppendExporters(ledgers, out);
  });
  auto started = admin::AdminServer::Start(config_.admin, std::move(sources));
  if (!started) return started.error();
  admin_ = std::move(*started);
  return Ok();
}

Status Daemon::StartIngest() {
  const config::Jaeger& jaeger = config_.exporter.jaeger;
  if (!jaeger.endpoints.empty()) {
    collectors_ = std::make_unique<exporter::SamplingClient>(jaeger, milliseconds(config_.ingest.sampling.timeout_ms));
  }
  if (!config_.source.enabled) config_.ingest.sdk_join.enabled = false;
  if (config_.ingest.sdk_join.enabled) {
    joiner_.Ask([this](uint64_t netns, uint16_t port, uint64_t received_ns) {
      return source_ ? source_->SenderOf(netns, port, received_ns) : 0;
    });
    encoder_.Join(joiner_);
  }
  auto started = ingest::JaegerAgent::Start(config_.ingest, encoder_, collectors_.get());
  if (!started) return started.error();
  ingest_ = std::move(*started);
  return Ok();
}

void Daemon::StopIngest() {
  if (collectors_) collectors_->Cancel();
  ingest_->Stop();
}

Status Daemon::StartPeers() {
  auto secrets = peer::ReadSecrets(config_.peer.key_file);
  if (!secrets) return secrets.error();
  secrets_ = std::move(*secrets);
  if (!config_.source.enabled) return Ok();  // nothing to ask about, nothing to tell
  auto started = exporter::Peers::Start(config_.peer, secrets_);
  if (!started) return started.error();
  peers_ = std::move(*started);
  return Ok();
}

// Does not wait for the API server: capture and export do without it.
void Daemon::StartKubernetes(const std::string& host_name) {
  if (!config_.kubernetes.enabled || !config_.source.enabled) return;
  cluster_ = std::make_unique<kubernetes::Cluster>(config_.kubernetes, host_name);
  joiner_.Name([this](const auto& process) { return pod_tagger_->Named(process); });
  pod_tagger_ = std::make_unique<pipeline::PodTagger>(
      config_,
      pipeline::PodSources{cluster_->pods(), cluster_->peers(), [this] { return cluster_->Stale(); }, cluster_->node()},
      red_metrics_);
}

Status Daemon::StartCapture() {
  if (!config_.source.enabled) return Ok();
  process::Selector::Wanted wanted;
  if (pod_tagger_) wanted = [this](const process::ProcessInfo& process) { return pod_tagger_->Wanted(process); };
  if (config_.ingest.sdk_join.enabled) {
    std::ranges::copy_if(ingest_->ports(), std::back_inserter(config_.source.sdk_ports),
                         [](uint16_t p) { return p != 0; });
  }
  auto started = source::BpfSource::Start(config_.source, config_.selector, std::move(wanted));
  if (!started) return started.error();
  source_ = std::move(*started);
  span::SpanSink& first = pod_tagger_ ? static_cast<span::SpanSink&>(*pod_tagger_) : red_metrics_;
  const pipeline::Installation installation{.key = secrets_.key,
                                            .peers = peers_ ? &peers_->link() : nullptr,
                                            .sdk = config_.ingest.sdk_join.enabled ? &joiner_ : nullptr};
  pipeline_ = std::make_unique<pipeline::Pipeline>(
      config_, first, [this](const conn_id& conn, bool encrypted) { source_->Ignore(conn, encrypted); }, installation);
  return Ok();
}

std::string Daemon::RenderCapture() const {
  std::string text;
  if (!source_) return text;
  admin::AppendKernel(source_->Ledger(), text);
  admin::AppendTls(source_->tls(), text);
  admin::AppendProgramCosts(source_->costs().programs(), source_->costs().sampled_ns(), text);
  admin::AppendPipeline(*pipeline_, sampler_, text);
  pipeline::RenderOpenCalls(*pipeline_, config_.http.progress_s * uint64_t{1'000'000'000}, text);
  if (peers_) admin::AppendPeers(pipeline_->stitcher().peers(), text);
  if (pod_tagger_) admin::AppendPods(*pod_tagger_, text);
  red_metrics_.Render(text);
  return text;
}

void Daemon::Reload() {
  if (!read_again_) return;
  auto loaded = read_again_();
  if (!loaded) {
    spdlog::error("the configuration stays as it is: {}", loaded.error().message);
    return;
  }
  for (const std::string& key : config::Differences(config_, *loaded)) {
    const bool now = key.starts_with("pipeline.sampler.") || key.starts_with("pipeline.redactor.");
    spdlog::info("{} {}", key, now ? "changed" : "needs a restart to change");
  }
  config_.pipeline.sampler = loaded->pipeline.sampler;
  config_.pipeline.redactor = loaded->pipeline.redactor;
  sampler_.Configure(config_.pipeline.sampler);
  redactor_.Configure(config_.pipeline.redactor);
}

// Between two polls: what others want of this thread, and whether it is over.
bool Daemon::Over() {
  capture_numbers_.AnswerIfAsked([this] { return RenderCapture(); });
  if (cli::StopSignals::TakeReload()) Reload();
  return cli::StopSignals::Received() != 0;
}

Status Daemon::Turn() {
  if (source_) return cli::Pump(*source_, *pipeline_, [this] { return Over(); });
  Heap heap;
  while (!Over()) {
    std::this_thread::sleep_for(kIdlePoll);
    heap.Trim(Heap::Clock::now());
  }
  return Ok();
}

Status Daemon::Run(const std::string& host_name) {
  cli::StopSignals::Install();
  cli::StopSignals::InstallReload();
  StartKubernetes(host_name);
  if (Status ingest = StartIngest(); !ingest) return ingest;
  if (Status peers = StartPeers(); !peers) return peers;
  if (Status admin = StartAdmin(); !admin) return admin;
  if (Status capture = StartCapture(); !capture) return capture;
  if (exports_.empty()) spdlog::warn("no exporter is configured: spans are only counted");
  if (admin_) admin_->SetReady(true);
  GiveBackStartPages();
  spdlog::info("ready");
  Status turned = Turn();
  const auto stop_by = Clock::now() + kExportWithin;
  if (admin_) admin_->SetReady(false);
  StopIngest();
  if (peers_) peers_->Stop();
  if (pipeline_) pipeline_->Finish();
  joiner_.Close();
  if (cluster_) cluster_->Stop();
  exports_.Finish(stop_by);
  admin_.reset();
  for (const auto& [name, ledger] : exports_.ledgers()) {
    spdlog::info("exporter {}: {} spans accepted, {} exported, {} dropped", name, ledger.accepted, ledger.exported,
                 ledger.dropped.Total());
  }
  return turned;
}

}  // namespace

Status RunDaemon(const config::Config& config, std::function<Result<config::Config>()> read_again,
                 const std::string& host_name) {
  auto workers = exporter::StartWorkers(config, host_name);
  if (!workers) return workers.error();
  return Daemon(config, std::move(read_again), std::move(*workers)).Run(host_name);
}

}  // namespace tracelet
