#include "agent/cli/agent_config.h"

#include <spdlog/spdlog.h>

#include "config/check.h"
#include "config/toml.h"

namespace tracelet::cli {

Result<config::Config> AgentConfig(const Options& options) {
  Result<config::Config> config = options.config_file.empty() ? config::Config{} : config::Load(options.config_file);
  if (!config) return config;
  const bool as_jaeger_agent = options.config_file.empty() && config::Any(options.jaeger_flags);
  if (as_jaeger_agent) config->source.enabled = false;
  const auto notes = config::Apply(options.jaeger_flags, *config);
  if (!notes) return notes.error();
  for (const std::string& note : *notes) spdlog::info("{}", note);
  if (as_jaeger_agent && config->exporter.jaeger.endpoints.empty()) {
    return Error{"--reporter.grpc.host-port: at least one collector is required"};
  }
  if (const auto wrong = config::FindImpossible(*config); !wrong.empty()) {
    return Error{wrong.front().key + " " + wrong.front().why};
  }
  return config;
}

}  // namespace tracelet::cli
