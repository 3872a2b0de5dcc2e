// The ledgers of DESIGN §1.3 and what the exporters did, as lines of /metrics.
// Functions of what they get: whoever owns the numbers calls them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/pipeline/pipeline.h"
#include "agent/pipeline/pod_tagger.h"
#include "agent/pipeline/sampler.h"
#include "agent/source/event_source.h"
#include "agent/source/program_runs.h"
#include "agent/source/tls_ledger.h"
#include "exporter/export_worker.h"

namespace tracelet::admin {

void AppendBuildInfo(std::string& out);
void AppendKernel(const source::KernelLedger& kernel, std::string& out);
void AppendTls(const source::TlsLedger& tls, std::string& out);
// Within samples of that length in all, see source::BpfCosts.
void AppendProgramCosts(const std::vector<source::ProgramRuns>& programs, uint64_t sampled_ns, std::string& out);
void AppendPipeline(const pipeline::Pipeline& pipeline, const pipeline::Sampler& sampler, std::string& out);
// Only of agents that ask others, or are asked.
void AppendPeers(const span::PeerLedger& ledger, std::string& out);
void AppendPods(const pipeline::PodTagger& tagger, std::string& out);
// jaeger-agent's own words about its one connection, of the exporter "jaeger".
void AppendJaegerConnection(const std::vector<std::pair<std::string, exporter::ExportLedger>>& exporters,
                            std::string& out);
// All exporters together, because a name comes once.
void AppendExporters(const std::vector<std::pair<std::string, exporter::ExportLedger>>& exporters, std::string& out);

}  // namespace tracelet::admin
