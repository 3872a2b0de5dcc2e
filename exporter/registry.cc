#include "exporter/registry.h"

#include <utility>

#include "agent/pipeline/resource_tagger.h"
#include "exporter/file/file_encoder.h"
#include "exporter/file/file_sender.h"
#include "exporter/grpc/grpc_sender.h"
#include "exporter/http/http_sender.h"
#include "exporter/jaeger/jaeger_encoder.h"
#include "exporter/jaeger/jaeger_protocol.h"
#include "exporter/otlp/otlp_encoder.h"
#include "exporter/otlp/otlp_protocol.h"

namespace tracelet::exporter {
namespace {

using pipeline::ResourceTagger;
using Worker = Result<std::unique_ptr<ExportWorker>>;

Worker Jaeger(const config::Config& config, const ResourceTagger& tagger) {
  const config::Jaeger& jaeger = config.exporter.jaeger;
  if (jaeger.endpoints.empty()) return std::unique_ptr<ExportWorker>();
  auto sender = std::make_unique<GrpcSender>(std::make_unique<JaegerProtocol>(), GrpcEndpoints(jaeger));
  return std::make_unique<ExportWorker>("jaeger", jaeger.delivery, std::make_unique<JaegerEncoder>(tagger),
                                        std::move(sender));
}

Result<std::unique_ptr<Sender>> OtlpSender(const config::Otlp& otlp) {
  if (otlp.protocol == "grpc") {
    return std::unique_ptr<Sender>(
        std::make_unique<GrpcSender>(std::make_unique<OtlpGrpcProtocol>(), GrpcEndpoints(otlp)));
  }
  std::vector<HttpOptions> endpoints;
  for (const std::string& endpoint : otlp.endpoints) {
    HttpOptions options{endpoint, "/v1/traces", "application/x-protobuf", otlp.gzip, otlp.headers, otlp.tls};
    if (auto address = ParseHttpEndpoint(endpoint, options.default_path); !address) return address.error();
    endpoints.push_back(std::move(options));
  }
  return std::unique_ptr<Sender>(std::make_unique<HttpSender>(std::move(endpoints), OtlpRejectedSpans));
}

Worker Otlp(const config::Config& config, const ResourceTagger& tagger) {
  const config::Otlp& otlp = config.exporter.otlp;
  if (otlp.endpoints.empty()) return std::unique_ptr<ExportWorker>();
  auto sender = OtlpSender(otlp);
  if (!sender) return sender.error();
  return std::make_unique<ExportWorker>("otlp", otlp.delivery, std::make_unique<OtlpEncoder>(tagger),
                                        std::move(*sender));
}

Worker File(const config::Config& config, const ResourceTagger& tagger) {
  const config::File& file = config.exporter.file;
  if (file.path.empty()) return std::unique_ptr<ExportWorker>();
  return std::make_unique<ExportWorker>("file", file.delivery, std::make_unique<FileEncoder>(tagger),
                                        std::make_unique<FileSender>(file));
}

constexpr Worker (*kOutputs[])(const config::Config&, const ResourceTagger&) = {Jaeger, Otlp, File};

}  // namespace

Result<std::vector<std::unique_ptr<ExportWorker>>> StartWorkers(const config::Config& config,
                                                                const std::string& host_name) {
  const ResourceTagger tagger(config.pipeline.resource_tagger, host_name);
  std::vector<std::unique_ptr<ExportWorker>> workers;
  for (const auto& output : kOutputs) {
    auto worker = output(config, tagger);
    if (!worker) return worker.error();
    if (*worker) workers.push_back(std::move(*worker));
  }
  return workers;
}

}  // namespace tracelet::exporter
