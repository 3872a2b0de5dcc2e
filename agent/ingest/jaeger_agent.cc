#include "agent/ingest/jaeger_agent.h"

namespace tracelet::ingest {

Result<std::unique_ptr<JaegerAgent>> JaegerAgent::Start(const config::Ingest& config, BatchSink& sink,
                                                        StrategyProvider* collector) {
  std::unique_ptr<JaegerAgent> agent(new JaegerAgent);
  if (!config.sampling.strategies_file.empty()) {
    auto file = StrategiesFile::Load(config.sampling.strategies_file);
    if (!file) return file.error();
    agent->file_ = std::move(*file);
  }
  agent->cache_ = std::make_unique<StrategyCache>(collector, agent->file_.get(), config.sampling.max_services);
  if (!config.sampling.listen.empty()) {
    auto sampling = SamplingHttp::Start(config.sampling.listen, *agent->cache_);
    if (!sampling) return sampling.error();
    agent->sampling_ = std::move(*sampling);
  }
  auto ingest = Ingest::Start(config, sink);
  if (!ingest) return ingest.error();
  agent->ingest_ = std::move(*ingest);
  return agent;
}

void JaegerAgent::Stop() {
  if (sampling_ != nullptr) sampling_->Stop();
  ingest_->Stop();
}

void JaegerAgent::AppendMetrics(std::string& out) {
  ingest_->AppendMetrics(out);
  if (sampling_ != nullptr) sampling_->AppendMetrics(out);
}

}  // namespace tracelet::ingest
