#include "config/check.h"

#include <bit>
#include <charconv>
#include <string_view>

namespace tracelet::config {
namespace {

bool IsPort(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port >= 1 && port <= 65'535;
}

// "HOST:PORT", ":PORT", "[V6]:PORT", or PORT alone, as jaeger-agent takes it.
bool IsHostPort(std::string_view text) {
  if (IsPort(text)) return true;
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || !IsPort(text.substr(colon + 1))) return false;
  const std::string_view host = text.substr(0, colon);
  return host.find(':') == std::string_view::npos || (host.front() == '[' && host.back() == ']');
}

// HOST:PORT, or a name with a scheme of gRPC's, which is gRPC's to read.
bool IsGrpcEndpoint(std::string_view text) {
  if (text.rfind("http://", 0) == 0 || text.rfind("https://", 0) == 0) return false;
  return text.find("://") != std::string_view::npos || IsHostPort(text);
}

bool IsHttpEndpoint(std::string_view text) {
  const size_t scheme = text.find("://");
  if (scheme == std::string_view::npos || (text.substr(0, scheme) != "http" && text.substr(0, scheme) != "https")) {
    return false;
  }
  const std::string_view rest = text.substr(scheme + 3);
  return !rest.empty() && rest.front() != '/' && rest.front() != ':';
}

class Finder {
 public:
  void Require(bool holds, std::string key, std::string why) {
    if (!holds) found.push_back({std::move(key), std::move(why)});
  }
  void Listen(const std::string& key, const std::string& address) {
    Require(address.empty() || IsHostPort(address), key, "is not HOST:PORT or :PORT");
  }
  void Delivery(const std::string& section, const config::Delivery& delivery) {
    Require(delivery.batch_bytes <= delivery.queue_bytes, section + ".delivery.batch_bytes",
            "is more than queue_bytes: no batch would fit");
    Require(delivery.initial_backoff_ms <= delivery.max_backoff_ms, section + ".delivery.initial_backoff_ms",
            "is more than max_backoff_ms");
  }
  void Tls(const std::string& section, const config::Tls& tls) {
    Require(tls.cert_file.empty() == tls.key_file.empty(), section + ".tls.cert_file",
            "and key_file are of use only together");
    const bool set = !tls.ca_file.empty() || !tls.cert_file.empty() || !tls.server_name.empty() || tls.skip_verify;
    Require(tls.enabled || !set, section + ".tls.enabled", "is false, though other keys of the section are set");
  }

  std::vector<Impossible> found;
};

void CheckOtlp(const Otlp& otlp, Finder& finder) {
  const bool http = otlp.protocol == "http";
  for (const std::string& endpoint : otlp.endpoints) {
    finder.Require(http ? IsHttpEndpoint(endpoint) : IsGrpcEndpoint(endpoint), "exporter.otlp.endpoints",
                   "has \"" + endpoint + "\", which is not " + (http ? "http(s)://HOST[:PORT][/PATH]" : "HOST:PORT"));
    const bool https = endpoint.rfind("https://", 0) == 0;
    finder.Require(!http || https || !otlp.tls.enabled, "exporter.otlp.tls.enabled",
                   "is true, though \"" + endpoint + "\" is not https://");
  }
  finder.Require(!http || otlp.tls.server_name.empty(), "exporter.otlp.tls.server_name",
                 "works with protocol = \"grpc\" only");
  if (!http) {
    finder.Tls("exporter.otlp", otlp.tls);
  } else {
    finder.Require(otlp.tls.cert_file.empty() == otlp.tls.key_file.empty(), "exporter.otlp.tls.cert_file",
                   "and key_file are of use only together");
  }
  finder.Delivery("exporter.otlp", otlp.delivery);
}

void CheckPeer(const Config& config, Finder& finder) {
  const Peer& peer = config.peer;
  finder.Listen("peer.listen", peer.listen);
  finder.Require(peer.listen.empty() || !peer.key_file.empty(), "peer.key_file",
                 "is needed with peer.listen: nobody else may ask");
  const bool asks = !peer.agents.empty() || !peer.service.empty();
  finder.Require(!asks || !peer.key_file.empty(), "peer.key_file", "is needed to ask other agents");
  finder.Require(!asks || peer.patience_ms < config.span.hold_ms, "peer.patience_ms",
                 "is not less than span.hold_ms: answers would come too late");
  for (const auto& [prefix, endpoint] : peer.agents) {
    finder.Require(IsHostPort(endpoint), "peer.agents", "has \"" + endpoint + "\", which is not HOST:PORT");
  }
  finder.Require(peer.service.empty() || IsHostPort(peer.service), "peer.service", "is not HOST:PORT");
  finder.Tls("peer", peer.tls);
  const bool files = !peer.tls.cert_file.empty() && !peer.tls.ca_file.empty();
  finder.Require(!peer.tls.enabled || files, "peer.tls.enabled",
                 "is true, which needs ca_file, cert_file and key_file");
}

void CheckPods(const Config& config, Finder& finder) {
  const Selector& selector = config.selector;
  const bool by_pod = !selector.namespaces.empty() || !selector.not_namespaces.empty() ||
                      !selector.pod_labels.empty() || !selector.owners.empty() || !selector.images.empty();
  finder.Require(!by_pod || config.kubernetes.enabled, "kubernetes.enabled", "is false, though pods are selected");
}

}  // namespace

std::vector<Impossible> FindImpossible(const Config& config) {
  Finder finder;
  finder.Require(std::has_single_bit(config.source.ring_bytes), "source.ring_bytes", "is not a power of two");
  for (const std::string& endpoint : config.exporter.jaeger.endpoints) {
    finder.Require(IsGrpcEndpoint(endpoint), "exporter.jaeger.endpoints",
                   "has \"" + endpoint + "\", which is not HOST:PORT");
  }
  finder.Tls("exporter.jaeger", config.exporter.jaeger.tls);
  finder.Delivery("exporter.jaeger", config.exporter.jaeger.delivery);
  CheckOtlp(config.exporter.otlp, finder);
  finder.Delivery("exporter.file", config.exporter.file.delivery);
  const Ingest& ingest = config.ingest;
  finder.Listen("ingest.zipkin_compact.listen", ingest.zipkin_compact.listen);
  finder.Listen("ingest.jaeger_compact.listen", ingest.jaeger_compact.listen);
  finder.Listen("ingest.jaeger_binary.listen", ingest.jaeger_binary.listen);
  finder.Listen("ingest.sampling.listen", ingest.sampling.listen);
  CheckPeer(config, finder);
  CheckPods(config, finder);
  finder.Listen("admin.listen", config.admin.listen);
  const AdminTls& tls = config.admin.tls;
  const bool files = !tls.cert_file.empty() && !tls.key_file.empty();
  finder.Require(!tls.enabled || files, "admin.tls.enabled", "is true, which needs cert_file and key_file");
  const bool any = !tls.cert_file.empty() || !tls.key_file.empty() || !tls.client_ca_file.empty();
  finder.Require(tls.enabled || !any, "admin.tls.enabled", "is false, though other keys of the section are set");
  return std::move(finder.found);
}

}  // namespace tracelet::config
