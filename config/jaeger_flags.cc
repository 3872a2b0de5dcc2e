#include "config/jaeger_flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace tracelet::config {
namespace {

// The reference's ten workers do less than one thread of ours.
constexpr int kWorkersPerThread = 10;
// What the kernel counts for a datagram of 1.2 kB, the usual size of five spans: a
// queue of packets is the socket's buffer here.
constexpr size_t kBufferPerPacket = 2'304;
constexpr size_t kDefaultMaxPacket = 65'000;
constexpr const char* kGroup = "jaeger-agent's flags";

std::string EnvironmentName(std::string flag) {
  for (char& c : flag) c = c == '-' || c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return flag;
}

template <typename Value>
void Add(CLI::App& command, const std::string& name, Value& value, const char* help) {
  command.add_option("--" + name, value, help)->envname(EnvironmentName(name))->group(kGroup);
}

void AddSwitch(CLI::App& command, const std::string& name, bool& value, const char* help) {
  command.add_flag("--" + name, value, help)->envname(EnvironmentName(name))->group(kGroup);
}

void AddProcessor(CLI::App& command, const std::string& name, JaegerFlags::Processor& processor) {
  const std::string prefix = "processor." + name + ".";
  Add(command, prefix + "server-host-port", processor.host_port, "where this port listens");
  Add(command, prefix + "workers", processor.workers, "one thread for each ten");
  Add(command, prefix + "server-queue-size", processor.queue_size, "packets that wait: room in the socket");
  Add(command, prefix + "server-max-packet-size", processor.max_packet_size, "bytes");
  Add(command, prefix + "server-socket-buffer-size", processor.socket_buffer_size, "bytes, at least");
}

std::string Trim(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string> Split(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// "7000" is ":7000".
std::string HostPort(const std::string& text) {
  const bool number =
      !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
  return number ? ":" + text : text;
}

Status ApplyProcessor(const std::string& name, const JaegerFlags::Processor& flags, UdpPort& port) {
  const auto wrong = [&](const char* flag, const char* what) {
    return Error{"--processor." + name + "." + flag + ": " + what};
  };
  if (flags.host_port) {
    if (flags.host_port->empty()) return wrong("server-host-port", "must not be empty");
    port.listen = HostPort(*flags.host_port);
  }
  if (flags.workers.value_or(0) < 0) return wrong("workers", "must not be negative");
  if (flags.queue_size.value_or(0) < 0) return wrong("server-queue-size", "must not be negative");
  if (flags.max_packet_size.value_or(0) < 0) return wrong("server-max-packet-size", "must not be negative");
  if (flags.workers) port.threads = static_cast<uint32_t>(std::max(1, *flags.workers / kWorkersPerThread));
  if (flags.max_packet_size) {
    port.max_packet_bytes =
        *flags.max_packet_size == 0 ? kDefaultMaxPacket : static_cast<size_t>(*flags.max_packet_size);
  }
  const auto queue = static_cast<size_t>(flags.queue_size.value_or(0)) * kBufferPerPacket;
  const auto buffer = static_cast<size_t>(std::max(0, flags.socket_buffer_size.value_or(0)));
  port.receive_buffer_bytes = std::max({port.receive_buffer_bytes, queue, buffer});
  return Ok();
}

Status ApplyReporter(const JaegerFlags& flags, Jaeger& jaeger) {
  if (flags.reporter_type.value_or("grpc") != "grpc") return Error{"unknown reporter type " + *flags.reporter_type};
  if (flags.reporter_host_port) {
    jaeger.endpoints.clear();
    for (const std::string& part : Split(*flags.reporter_host_port)) {
      if (!Trim(part).empty()) jaeger.endpoints.push_back(Trim(part));
    }
    if (jaeger.endpoints.empty()) return Error{"--reporter.grpc.host-port: at least one collector is required"};
  }
  const Tls& tls = flags.reporter_tls;
  const bool any = !tls.ca_file.empty() || !tls.cert_file.empty() || !tls.key_file.empty() ||
                   !tls.server_name.empty() || tls.skip_verify;
  if (any && !tls.enabled) return Error{"--reporter.grpc.tls.*: given, but --reporter.grpc.tls.enabled is not"};
  if (tls.enabled) jaeger.tls = tls;
  return Ok();
}

Status ApplyAdminTls(const JaegerFlags& flags, AdminTls& tls) {
  const AdminTls& given = flags.admin_tls;
  if (!flags.admin_tls_ciphers.value_or("").empty()) {
    return Error{"--admin.http.tls.cipher-suites: those of OpenSSL's default are used"};
  }
  const bool any = !given.cert_file.empty() || !given.key_file.empty() || !given.client_ca_file.empty();
  if (any && !given.enabled) return Error{"--admin.http.tls.*: given, but --admin.http.tls.enabled is not"};
  if (given.enabled && (given.cert_file.empty() || given.key_file.empty())) {
    return Error{"--admin.http.tls.enabled: needs --admin.http.tls.cert and --admin.http.tls.key"};
  }
  if (given.enabled) tls = given;
  return Ok();
}

// "${NAME}" or "${NAME:default}"; absent: such a variable is not set and has no default.
std::optional<std::string> Expand(const std::string& value) {
  if (!value.starts_with("${") || !value.ends_with("}")) return value;
  const std::string inner = value.substr(2, value.size() - 3);
  const size_t colon = inner.find(':');
  const char* found = std::getenv(inner.substr(0, colon).c_str());
  if (found != nullptr && *found != '\0') return found;
  if (colon == std::string::npos) return std::nullopt;
  return inner.substr(colon + 1);
}

}  // namespace

void AddJaegerFlags(CLI::App& command, JaegerFlags& flags) {
  AddProcessor(command, "zipkin-compact", flags.zipkin_compact);
  AddProcessor(command, "jaeger-compact", flags.jaeger_compact);
  AddProcessor(command, "jaeger-binary", flags.jaeger_binary);
  Add(command, "http-server.host-port", flags.http_host_port, "where samplers ask");
  Add(command, "admin.http.host-port", flags.admin_host_port, "health and metrics");
  AddSwitch(command, "admin.http.tls.enabled", flags.admin_tls.enabled, "");
  Add(command, "admin.http.tls.cert", flags.admin_tls.cert_file, "file");
  Add(command, "admin.http.tls.key", flags.admin_tls.key_file, "file");
  Add(command, "admin.http.tls.client-ca", flags.admin_tls.client_ca_file, "file: clients must have a certificate");
  Add(command, "admin.http.tls.min-version", flags.admin_tls.min_version, "1.0 to 1.3");
  Add(command, "admin.http.tls.max-version", flags.admin_tls.max_version, "1.0 to 1.3");
  Add(command, "admin.http.tls.cipher-suites", flags.admin_tls_ciphers, "not supported");
  Add(command, "reporter.type", flags.reporter_type, "grpc");
  Add(command, "reporter.grpc.host-port", flags.reporter_host_port, "collectors, with commas between");
  Add(command, "reporter.grpc.retry.max", flags.retry_max,
      "no effect: what fits the queue is tried for as long as it takes");
  Add(command, "reporter.grpc.discovery.min-peers", flags.min_peers, "no effect, as in jaeger-agent");
  AddSwitch(command, "reporter.grpc.tls.enabled", flags.reporter_tls.enabled, "");
  Add(command, "reporter.grpc.tls.ca", flags.reporter_tls.ca_file, "file");
  Add(command, "reporter.grpc.tls.cert", flags.reporter_tls.cert_file, "file");
  Add(command, "reporter.grpc.tls.key", flags.reporter_tls.key_file, "file");
  Add(command, "reporter.grpc.tls.server-name", flags.reporter_tls.server_name, "");
  AddSwitch(command, "reporter.grpc.tls.skip-host-verify", flags.reporter_tls.skip_verify, "");
  Add(command, "agent.tags", flags.agent_tags, "k1=v1,k2=${ENV:default}: on each process that comes in");
  Add(command, "metrics-backend", flags.metrics_backend, "prometheus");
  Add(command, "metrics-http-route", flags.metrics_route, "/metrics");
  Add(command, "log-level", flags.log_level, "debug, info, warn, error, dpanic, panic, fatal");
  // Its variable, CONFIG_FILE, may be anybody's.
  command.add_option("--config-file", flags.config_file, "not supported")->group(kGroup);
}

std::vector<std::string> WithEmptyValues(const std::vector<std::string>& args) {
  std::vector<std::string> separated;
  for (const std::string& arg : args) {
    const bool empty = arg.starts_with("--") && arg.ends_with("=") && arg.find('=') + 1 == arg.size();
    separated.push_back(empty ? arg.substr(0, arg.size() - 1) : arg);
    if (empty) separated.emplace_back();
  }
  return separated;
}

bool Any(const JaegerFlags& flags) {
  const auto any = [](const JaegerFlags::Processor& p) {
    return p.host_port || p.workers || p.queue_size || p.max_packet_size || p.socket_buffer_size;
  };
  return any(flags.zipkin_compact) || any(flags.jaeger_compact) || any(flags.jaeger_binary) || flags.http_host_port ||
         flags.admin_host_port || flags.reporter_type || flags.reporter_host_port || flags.retry_max ||
         flags.min_peers || flags.reporter_tls.enabled || flags.agent_tags || flags.metrics_backend ||
         flags.metrics_route;
}

Result<std::map<std::string, std::string>> ParseAgentTags(const std::string& text) {
  std::map<std::string, std::string> tags;
  if (Trim(text).empty()) return tags;
  for (const std::string& part : Split(text)) {
    const size_t equals = part.find('=');
    if (equals == std::string::npos) return Error{"--agent.tags: \"" + Trim(part) + "\" is not KEY=VALUE"};
    const auto value = Expand(Trim(part.substr(equals + 1)));
    if (value) tags[Trim(part.substr(0, equals))] = *value;
  }
  return tags;
}

Result<std::string> LogLevel(const JaegerFlags& flags) {
  static const std::map<std::string, std::string> kLevels = {
      {"debug", "debug"},     {"info", "info"},      {"warn", "warning"},  {"error", "error"},
      {"dpanic", "critical"}, {"panic", "critical"}, {"fatal", "critical"}};
  const auto found = kLevels.find(flags.log_level.value_or("info"));
  if (found == kLevels.end()) return Error{"--log-level: there is no level \"" + *flags.log_level + "\""};
  return found->second;
}

Result<std::vector<std::string>> Apply(const JaegerFlags& flags, Config& config) {
  const std::pair<const char*, std::pair<const JaegerFlags::Processor*, UdpPort*>> processors[] = {
      {"zipkin-compact", {&flags.zipkin_compact, &config.ingest.zipkin_compact}},
      {"jaeger-compact", {&flags.jaeger_compact, &config.ingest.jaeger_compact}},
      {"jaeger-binary", {&flags.jaeger_binary, &config.ingest.jaeger_binary}}};
  for (const auto& [name, both] : processors) {
    if (auto applied = ApplyProcessor(name, *both.first, *both.second); !applied) return applied.error();
  }
  if (auto applied = ApplyReporter(flags, config.exporter.jaeger); !applied) return applied.error();
  if (flags.http_host_port) {
    config.ingest.sampling.listen = flags.http_host_port->empty() ? ":5778" : HostPort(*flags.http_host_port);
  }
  if (flags.admin_host_port) config.admin.listen = HostPort(*flags.admin_host_port);
  if (flags.config_file) {
    return Error{"--config-file: jaeger-agent's own files are not read; --config takes tracelet's, see --print-config"};
  }
  if (auto level = LogLevel(flags); !level) return level.error();
  if (auto applied = ApplyAdminTls(flags, config.admin.tls); !applied) return applied.error();
  const std::string backend = flags.metrics_backend.value_or("prometheus");
  if (backend != "prometheus" && backend != "none" && backend != "expvar") {
    return Error{"--metrics-backend: unknown metrics backend " + backend};
  }
  if (flags.metrics_route.value_or("/metrics") != "/metrics") return Error{"--metrics-http-route: only /metrics"};
  if (flags.agent_tags) {
    auto tags = ParseAgentTags(*flags.agent_tags);
    if (!tags) return tags.error();
    for (auto& [key, value] : *tags) config.ingest.tags[key] = value;
  }

  std::vector<std::string> notes;
  if (flags.retry_max)
    notes.emplace_back(
        "--reporter.grpc.retry.max has no effect: what fits [exporter.jaeger] queue_bytes is tried for as long as it "
        "takes");
  if (flags.min_peers) notes.emplace_back("--reporter.grpc.discovery.min-peers has no effect, as in jaeger-agent");
  if (backend != "prometheus") notes.emplace_back("--metrics-backend has no effect: /metrics is always served");
  return notes;
}

}  // namespace tracelet::config
