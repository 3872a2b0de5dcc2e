#include "config/schema.h"

#include <utility>

namespace tracelet::config {
namespace {

constexpr double kMaxPid = 1 << 22;  // PID_MAX_LIMIT, include/linux/threads.h
constexpr double kMaxPort = 65'535;
constexpr double kGiB = 1ull << 30;

Key Number(std::string name, Place place, std::string comment, double min = 0, double max = 9e15) {
  return {std::move(name), place, std::move(comment), min, max, {}};
}
Key Text(std::string name, Place place, std::string comment, Texts choices = {}) {
  return {std::move(name), place, std::move(comment), 0, 0, std::move(choices)};
}

void AddTls(SourceTls& tls, std::vector<Section>& sections) {
  sections.push_back(
      {"source.tls",
       "Uprobes on OpenSSL, BoringSSL, GnuTLS and Go, so that encrypted requests are seen.",
       {Text("enabled", &tls.enabled, ""),
        Number("max_cpu", &tls.max_cpu,
               "Of one CPU. When the probes took more in a sample, they are taken away until a restart.", 0, 4096),
        Text("exclude_exes", &tls.exclude_exes, "Globs: the files of these executables are not probed."),
        Text("exclude_files", &tls.exclude_files,
             "Globs: nor these libraries: [\"/opt/*/libssl.so*\"], nor programs that contain one.")}});
}

void AddSelector(Selector& selector, std::vector<Section>& sections) {
  sections.push_back(
      {"selector",
       "What is traced. Empty lists select everything; a list is \"or\", several lists are \"and\".",
       {Number("pids", &selector.pids, "The processes themselves, not their children.", 1, kMaxPid),
        Text("exes", &selector.exes, "Globs against the path of the executable: [\"*/nginx\"]."),
        Number("ports", &selector.ports, "Local or remote.", 1, kMaxPort),
        Text("cgroup", &selector.cgroup, "Path of a cgroup directory: it and all below."),
        Text("netns", &selector.netns, "Path of a network namespace: \"/run/netns/blue\"."),
        Number("tree", &selector.tree, "A process and all it starts; 0: not used.", 0, kMaxPid),
        Text("scope", &selector.scope,
             "Where nodes share a kernel: what is below this path of /proc/PID/cgroup; \"node\": of this node's "
             "own pods."),
        Text("namespaces", &selector.namespaces, "Of pods, as the API server tells; needs [kubernetes]."),
        Text("not_namespaces", &selector.not_namespaces, "All but these."),
        Text("pod_labels", &selector.pod_labels, "[\"app=shop\"]; \"app\": with any value."),
        Text("owners", &selector.owners, "[\"front\", \"StatefulSet/db\"]."),
        Text("images", &selector.images, "Globs against the images of containers: [\"*/shop:*\"].")}});
}

void AddSource(Source& source, std::vector<Section>& sections) {
  sections.push_back(
      {"source",
       "The programs in the kernel. Memory is taken at start.",
       {Text("enabled", &source.enabled, "false: no eBPF and no root, only what SDKs send."),
        Number("ring_bytes", &source.ring_bytes, "Per ring, a power of two.", 4096, kGiB),
        Number("cpus_per_ring", &source.cpus_per_ring, "", 1, 4096),
        Number("max_connections", &source.max_connections, "", 16, 1 << 24),
        Number("max_threads", &source.max_threads, "", 16, 1 << 24),
        Number("max_processes", &source.max_processes, "", 16, 1 << 24),
        Number("drain_interval_ms", &source.drain_interval_ms, "Also when a ring is an eighth full.", 1, 1000),
        Number("priority", &source.priority,
               "Of the capture thread on a busy host: minus its niceness; needs CAP_SYS_NICE. 0: as it is.", 0, 20),
        Number("cost_sample_period_s", &source.cost_sample_period_s,
               "For half a second of each period the kernel counts what the programs cost. 0: never.", 0, 86'400)}});
  AddTls(source.tls, sections);
}

void AddRequests(Config& config, std::vector<Section>& sections) {
  sections.push_back({"conn",
                      "Connections as user space remembers them.",
                      {Number("max_connections", &config.conn.max_connections, "", 16, 1 << 24),
                       Number("idle_close_s", &config.conn.idle_close_s, "Forgotten after this long in silence.", 1)}});
  sections.push_back(
      {"http",
       "HTTP/1.x and HTTP/2.",
       {Number("max_head_bytes", &config.http.max_head_bytes, "What is kept of a head.", 256, 1 << 20),
        Number("max_outstanding", &config.http.max_outstanding, "Pipelined requests per connection.", 1, 65'536),
        Number("max_streams", &config.http.max_streams, "HTTP/2 requests that are open at once, per connection.", 1,
               65'536),
        Number("quiet_end_ms", &config.http.quiet_end_ms,
               "A response of unknown length is over after this long without a byte.", 1, 3'600'000),
        Number(
            "progress_s", &config.http.progress_s,
            "A gRPC call that goes on for longer is in /metrics, and its span says how far it was, then and each time "
            "that it is twice as old.",
            1, 86'400)}});
  Span& span = config.span;
  sections.push_back(
      {"span",
       "From requests to spans and traces.",
       {Number("hold_ms", &span.hold_ms, "A span can still get its parent for this long after its end.", 0, 60'000),
        Number("max_open", &span.max_open, "Requests that are going on.", 16, 1 << 24),
        Number("max_held", &span.max_held, "Spans that wait for hold_ms.", 16, 1 << 24),
        Number("max_routes", &span.max_routes, "Names per service before they become \"{other}\".", 1, 1 << 20),
        Text("allowed_query_keys", &span.allowed_query_keys, "Values of all other keys of a query are replaced.")}});
}

void AddKubernetes(Config& config, std::vector<Section>& sections) {
  Kubernetes& kubernetes = config.kubernetes;
  sections.push_back(
      {"kubernetes",
       "Names of pods and their owners, from the API server: docs/kubernetes.md.",
       {Text("enabled", &kubernetes.enabled, ""),
        Text("api", &kubernetes.api, "https://HOST:PORT. Empty: as the pod's environment says."),
        Text("node", &kubernetes.node, "Empty: $NODE_NAME, else the host's name."),
        Text("token_file", &kubernetes.token_file, "Read for every question."),
        Text("ca_file", &kubernetes.ca_file, ""),
        Text("labels", &kubernetes.labels, "Of pods, that go on their spans: [\"app\", \"team\"]."),
        Text("annotations", &kubernetes.annotations, "The same."),
        Text("peers", &kubernetes.peers, "Name the other end of calls by Service and pod: follows all Services."),
        Number("stale_after_s", &kubernetes.stale_after_s, "Spans say so when the API server was away for longer.", 1,
               3'600),
        Number("max_backoff_ms", &kubernetes.max_backoff_ms, "Between attempts to reach it.", 100, 600'000),
        Number("max_pods", &kubernetes.max_pods, "Of this node.", 16, 1 << 16),
        Number("max_addresses", &kubernetes.max_addresses, "Of the cluster's Services and the pods behind them.", 16,
               1 << 24)}});
}

void AddUdpPort(const std::string& name, const std::string& comment, UdpPort& port, std::vector<Section>& sections) {
  sections.push_back(
      {name,
       comment,
       {Text("listen", &port.listen, "HOST:PORT or :PORT. Empty: off."),
        Number("max_packet_bytes", &port.max_packet_bytes, "Longer ones are dropped and counted.", 512, 65'535),
        Number("receive_buffer_bytes", &port.receive_buffer_bytes,
               "In the kernel; above net.core.rmem_max only with CAP_NET_ADMIN.", 4'096, kGiB - 1),
        Number("threads", &port.threads, "Each receives and decodes.", 1, 256)}});
}

void AddIngest(Config& config, std::vector<Section>& sections) {
  Ingest& ingest = config.ingest;
  sections.push_back({"ingest",
                      "What Jaeger clients send to a jaeger-agent: docs/jaeger-agent.md.",
                      {Text("tags", &ingest.tags, "Added to each process that comes in: { cluster = \"blue\" }.")}});
  AddUdpPort("ingest.zipkin_compact", "Thrift over UDP, compact protocol.", ingest.zipkin_compact, sections);
  AddUdpPort("ingest.jaeger_compact", "Thrift over UDP, compact protocol.", ingest.jaeger_compact, sections);
  AddUdpPort("ingest.jaeger_binary", "Thrift over UDP, binary protocol.", ingest.jaeger_binary, sections);
  Sampling& sampling = ingest.sampling;
  sections.push_back({"ingest.sampling",
                      "How clients shall sample: asked over HTTP, answered by the collectors of [exporter.jaeger].",
                      {Text("listen", &sampling.listen, "HOST:PORT or :PORT. Empty: off."),
                       Text("strategies_file", &sampling.strategies_file,
                            "Jaeger's JSON; answers where no collector does or did. Empty: none."),
                       Number("timeout_ms", &sampling.timeout_ms, "Of one question to the collectors.", 1, 60'000),
                       Number("max_services", &sampling.max_services, "Whose last answer is kept.", 1, 1 << 20)}});
  SdkJoin& join = config.ingest.sdk_join;
  sections.push_back(
      {"ingest.sdk_join",
       "Spans that processes on this host send, and captured ones of the same request, become one.",
       {Text("enabled", &join.enabled, "false: both are exported."),
        Number("wait_ms", &join.wait_ms, "For an SDK's span, from a request's end.", 1, 60'000),
        Number("max_wait_ms", &join.max_wait_ms, "From its start; and an SDK's span for its request's end.", 1, 60'000),
        Number("max_batches", &join.max_batches, "Received and waiting; more pass at once.", 1, 1 << 20)}});
}

void AddPipeline(Config& config, std::vector<Section>& sections) {
  Pipeline& pipeline = config.pipeline;
  sections.push_back(
      {"pipeline.sampler",
       "Which traces are kept: a function of the trace id, so that every node decides alike. Reloaded on SIGHUP.",
       {Number("ratio", &pipeline.sampler.ratio, "Of the traces.", 0, 1),
        Number("services", &pipeline.sampler.services, "Instead, for the spans of a service: { shop = 0.1 }.", 0, 1),
        Text("parent_based", &pipeline.sampler.parent_based,
             "A sampling flag that came in a header decides for its trace.")}});
  sections.push_back(
      {"pipeline.redactor",
       "What is not to leave this host. Query values, cookies and authorization never do. Reloaded on SIGHUP.",
       {Text("drop_attributes", &pipeline.redactor.drop_attributes, "Keys; a trailing * stands for any rest."),
        Text("mask_attributes", &pipeline.redactor.mask_attributes, "Their values become \"[redacted]\".")}});
  sections.push_back({"pipeline.resource_tagger",
                      "Said about every process whose spans are captured, unless it says so itself.",
                      {Text("tags", &pipeline.resource_tagger.tags, "{ cluster = \"blue\" }")}});
  sections.push_back({"pipeline.red_metrics",
                      "Requests, errors and durations per service and route, in /metrics, before sampling.",
                      {Text("enabled", &pipeline.red_metrics.enabled, ""),
                       Number("max_series", &pipeline.red_metrics.max_series,
                              "More are counted together as \"{other}\".", 1, 1 << 20)}});
}

void AddTls(const std::string& name, Tls& tls, std::vector<Section>& sections) {
  sections.push_back(
      {name + ".tls",
       "Files are read again when they change.",
       {Text("enabled", &tls.enabled, ""), Text("ca_file", &tls.ca_file, "PEM; empty: the system's."),
        Text("cert_file", &tls.cert_file, "PEM; with key_file: mutual TLS."), Text("key_file", &tls.key_file, ""),
        Text("server_name", &tls.server_name, "Empty: the host of the endpoint."),
        Text("skip_verify", &tls.skip_verify, "Trust anybody: for tests.")}});
}

void AddPeer(Config& config, std::vector<Section>& sections) {
  Peer& peer = config.peer;
  sections.push_back(
      {"peer",
       "Links between nodes: agents of one installation ask each other for trace ids, over gRPC. docs/across-nodes.md",
       {Text("listen", &peer.listen, "HOST:PORT or :PORT, usually \":14280\". Empty: links end at this node."),
        Text("key_file", &peer.key_file,
             "A secret of 16 bytes or more, the same on all nodes: ids of spans, and who may ask, come from it."),
        Text("agents", &peer.agents,
             "Whose calls which agent sees: { \"10.1.2.0/24\" = \"HOST:14280\", \"10.9.9.9\" = \"HOST:14280\" }."),
        Text("service", &peer.service, "A DNS name of all agents: \"tracelet.observability:14280\"."),
        Number("refresh_s", &peer.refresh_s, "How often DNS is asked.", 1, 3'600),
        Number("max_fanout", &peer.max_fanout, "Agents of the service asked at once, until one knows the client.", 1,
               1'000),
        Number("settle_ms", &peer.settle_ms, "A request is asked about after this long.", 1, 1'000),
        Number("patience_ms", &peer.patience_ms, "And is a root after this long; less than span.hold_ms.", 1, 60'000),
        Number("max_wait_ms", &peer.max_wait_ms, "Or this long, while the other agent is still waiting itself.", 1,
               60'000),
        Number("batch_ms", &peer.batch_ms, "Questions are gathered for so long.", 1, 1'000),
        Number("timeout_ms", &peer.timeout_ms, "Of one call.", 1, 10'000),
        Number("max_questions", &peer.max_questions, "That are open; more are refused and counted.", 1, 1 << 20),
        Number("max_asked", &peer.max_asked, "By others, waiting for an answer.", 1, 1 << 20)}});
  AddTls("peer", peer.tls, sections);
}

void AddDelivery(const std::string& name, Delivery& delivery, std::vector<Section>& sections) {
  sections.push_back(
      {name + ".delivery",
       "",
       {Number("batch_spans", &delivery.batch_spans, "A batch is sent when it has this many spans,", 1, 1 << 20),
        Number("batch_bytes", &delivery.batch_bytes, "or is this large (collectors take 4 MiB at most by default),",
               1'024, 1 << 26),
        Number("batch_age_ms", &delivery.batch_age_ms, "or is this old.", 1, 60'000),
        Number("queue_bytes", &delivery.queue_bytes,
               "What waits while nobody takes it. What does not fit is dropped and counted.", 1'024, 64 * kGiB),
        Number("timeout_ms", &delivery.timeout_ms, "Of one call.", 1, 600'000),
        Number("initial_backoff_ms", &delivery.initial_backoff_ms, "Before a call is tried again; doubles,", 1,
               600'000),
        Number("max_backoff_ms", &delivery.max_backoff_ms, "up to this.", 1, 600'000),
        Number("give_up_after_s", &delivery.give_up_after_s, "On one batch. 0: never.", 0, 86'400)}});
}

void AddExporters(Config& config, std::vector<Section>& sections) {
  Jaeger& jaeger = config.exporter.jaeger;
  sections.push_back({"exporter.jaeger",
                      "Jaeger collectors, api_v2 over gRPC.",
                      {Text("endpoints", &jaeger.endpoints,
                            "In turns: [\"HOST:14250\"], [\"dns:///headless.observability:14250\"]. None: off."),
                       Text("gzip", &jaeger.gzip, ""),
                       Text("headers", &jaeger.headers, "Sent with each call: { name = \"value\" }.")}});
  AddTls("exporter.jaeger", jaeger.tls, sections);
  AddDelivery("exporter.jaeger", jaeger.delivery, sections);
  Otlp& otlp = config.exporter.otlp;
  sections.push_back(
      {"exporter.otlp",
       "OpenTelemetry's protocol.",
       {Text("endpoints", &otlp.endpoints,
             "In turns. grpc: [\"HOST:4317\"]; http: [\"http://HOST:4318\"], https as well. None: off."),
        Text("protocol", &otlp.protocol, "grpc, or http: protobuf, to /v1/traces where the endpoint has no path.",
             {"grpc", "http"}),
        Text("gzip", &otlp.gzip, ""), Text("headers", &otlp.headers, "Sent with each call: { name = \"value\" }.")}});
  AddTls("exporter.otlp", otlp.tls, sections);
  AddDelivery("exporter.otlp", otlp.delivery, sections);
  File& file = config.exporter.file;
  sections.push_back({"exporter.file",
                      "One JSON object per line and span.",
                      {Text("path", &file.path, "Empty: off."),
                       Number("max_file_bytes", &file.max_file_bytes, "Then it becomes PATH.1.", 1'024),
                       Number("max_files", &file.max_files, "PATH, PATH.1, ...; the oldest is removed.", 1, 10'000)}});
  AddDelivery("exporter.file", file.delivery, sections);
}

}  // namespace

std::vector<Section> Schema(Config& config) {
  std::vector<Section> sections;
  AddSelector(config.selector, sections);
  AddSource(config.source, sections);
  AddRequests(config, sections);
  AddKubernetes(config, sections);
  AddIngest(config, sections);
  AddPeer(config, sections);
  AddPipeline(config, sections);
  AddExporters(config, sections);
  sections.push_back({"admin",
                      "Over HTTP: /healthz, /readyz, /metrics, /version.",
                      {Text("listen", &config.admin.listen, "HOST:PORT or :PORT. Empty: off.")}});
  AdminTls& tls = config.admin.tls;
  const Texts versions = {"", "1.0", "1.1", "1.2", "1.3"};
  sections.push_back({"admin.tls",
                      "Files are read at the start.",
                      {Text("enabled", &tls.enabled, ""), Text("cert_file", &tls.cert_file, "PEM, with its chain."),
                       Text("key_file", &tls.key_file, ""),
                       Text("client_ca_file", &tls.client_ca_file, "PEM; empty: clients need no certificate."),
                       Text("min_version", &tls.min_version, "", versions),
                       Text("max_version", &tls.max_version, "Empty: the newest there is.", versions)}});
  return sections;
}

}  // namespace tracelet::config
