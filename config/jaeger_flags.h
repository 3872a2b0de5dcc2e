// The flags and environment variables of jaeger-agent 1.53, so that in a manifest only
// the image changes: each is mapped to the setting of ours that does what it was for.
// A flag wins over its environment variable (the same name in capitals, with _), which
// wins over the file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "config/config.h"

namespace CLI {  // NOLINT(readability-identifier-naming)
class App;
}  // namespace CLI

namespace tracelet::config {

// As given; nothing that was not given is changed.
struct JaegerFlags {
  struct Processor {
    std::optional<std::string> host_port;
    std::optional<int> workers;
    std::optional<int> queue_size;
    std::optional<int> max_packet_size;
    std::optional<int> socket_buffer_size;
  };
  Processor zipkin_compact;
  Processor jaeger_compact;
  Processor jaeger_binary;
  std::optional<std::string> http_host_port;
  std::optional<std::string> admin_host_port;
  AdminTls admin_tls;
  std::optional<std::string> admin_tls_ciphers;
  std::optional<std::string> reporter_type;
  std::optional<std::string> reporter_host_port;
  std::optional<int> retry_max;
  std::optional<int> min_peers;
  Tls reporter_tls;
  std::optional<std::string> agent_tags;
  std::optional<std::string> metrics_backend;
  std::optional<std::string> metrics_route;
  std::optional<std::string> log_level;
  std::optional<std::string> config_file;
};

// Declares them on a command; `flags` must live until it is parsed.
void AddJaegerFlags(CLI::App& command, JaegerFlags& flags);

// CLI11 takes "--flag=" for a flag whose value is the next argument; as in Go it is an empty one.
std::vector<std::string> WithEmptyValues(const std::vector<std::string>& args);

// True if any was given, also by the environment, that says what to receive or where to send it.
bool Any(const JaegerFlags& flags);

// Changes what they say; a sentence for each one that has no equivalent, or the mistake.
Result<std::vector<std::string>> Apply(const JaegerFlags& flags, Config& config);

// The word of --log-level in spdlog's terms ("critical" for panic and fatal).
Result<std::string> LogLevel(const JaegerFlags& flags);

// "k1=v1, k2=${ENV:default}" of --agent.tags.
Result<std::map<std::string, std::string>> ParseAgentTags(const std::string& text);

}  // namespace tracelet::config
