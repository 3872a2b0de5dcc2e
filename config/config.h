// Every setting with its default. [section.part] key in tracelet.toml is
// config.section.part.key here and belongs to agent/section/part.h there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tracelet::config {

// What is traced. Empty lists select everything; lists are "or" inside and "and"
// among each other.
struct Selector {
  std::vector<uint32_t> pids;     // the process itself, not its children
  std::vector<std::string> exes;  // globs against the path of the executable
  std::vector<uint16_t> ports;    // local or remote
  std::string cgroup;             // path of a cgroup directory: it and all below
  std::string netns;              // path of a network namespace file
  uint32_t tree = 0;              // pid: the process and all it starts; 0 = not used
  std::string scope;  // cgroup path, as in /proc/PID/cgroup, that all are below; "node": of this node's pods
  // Of pods, told by the API server; a process outside of any pod is in none of them.
  std::vector<std::string> namespaces;
  std::vector<std::string> not_namespaces;
  std::vector<std::string> pod_labels;  // "key=value", or "key" with any
  std::vector<std::string> owners;      // "front" or "Deployment/front"
  std::vector<std::string> images;      // globs
};

// Uprobes on the functions of TLS libraries.
struct SourceTls {
  bool enabled = true;
  double max_cpu = 0.5;                    // of one; above it the probes are taken away
  std::vector<std::string> exclude_exes;   // globs against the path of the executable
  std::vector<std::string> exclude_files;  // globs against the path of the library, or of the executable it is in
};

struct Source {
  bool enabled = true;             // false: only what SDKs send, without eBPF or root
  uint32_t ring_bytes = 4u << 20;  // per ring, a power of two; counts as resident memory
  uint32_t cpus_per_ring = 8;
  uint32_t max_connections = 65'536;
  uint32_t max_threads = 32'768;
  uint32_t max_processes = 16'384;
  uint32_t drain_interval_ms = 20;     // also wakes when a ring is an eighth full
  uint32_t cost_sample_period_s = 60;  // 0: never
  uint32_t priority = 15;              // of the capture thread: minus its niceness; 0: as it is
  SourceTls tls;
  std::vector<uint16_t> sdk_ports = {};  // no key: this agent's own, from [ingest]
};

struct Conn {
  size_t max_connections = 65'536;
  uint32_t idle_close_s = 3'600;  // forget a connection that says nothing for an hour
};

struct Http {
  size_t max_head_bytes = 16'384;
  size_t max_outstanding = 128;   // pipelined requests per connection
  size_t max_streams = 1'024;     // HTTP/2 requests that are open at once, per connection
  uint64_t quiet_end_ms = 1'000;  // a response of unknown length is over after this long without a byte
  uint32_t progress_s = 10;       // a call that goes on for longer is told of while it does
};

struct Span {
  uint64_t hold_ms = 1'000;
  size_t max_open = 65'536;
  size_t max_held = 65'536;
  size_t max_routes = 200;                      // names per service before they become "{other}"
  std::vector<std::string> allowed_query_keys;  // values of all other keys are replaced
};

// Which traces are kept. A function of the final trace id, so that every node decides alike.
struct Sampler {
  double ratio = 1.0;                      // of the traces, 0 to 1
  std::map<std::string, double> services;  // instead, for the spans of a service
  bool parent_based = true;                // a context that came in a header decides for its trace
};

// What never leaves the process beside query values, cookies and authorization,
// which are not captured in the first place.
struct Redactor {
  std::vector<std::string> drop_attributes;  // keys; a trailing * matches any rest
  std::vector<std::string> mask_attributes;  // the value becomes "[redacted]"
};

struct ResourceTagger {
  std::map<std::string, std::string> tags;  // on every process; what the process says itself comes first
};

// Requests, errors and durations per service and route, in /metrics.
struct RedMetrics {
  bool enabled = true;
  size_t max_series = 2'000;  // what comes after that is counted under "{other}"
};

struct Pipeline {
  Sampler sampler;
  Redactor redactor;
  ResourceTagger resource_tagger;
  RedMetrics red_metrics;
};

struct Tls {
  bool enabled = false;
  std::string ca_file;    // empty: the system's
  std::string cert_file;  // with key_file: mutual TLS
  std::string key_file;
  std::string server_name;  // empty: the host of the endpoint
  bool skip_verify = false;
};

// How encoded spans travel to one backend, and what waits when they cannot.
struct Delivery {
  size_t batch_spans = 8'000;     // of small ones; those of many processes are as many calls
  size_t batch_bytes = 2u << 20;  // collectors take 4 MiB at most by default
  uint32_t batch_age_ms = 1'000;
  size_t queue_bytes = 64u << 20;  // encoded; what does not fit is dropped and counted
  uint32_t timeout_ms = 10'000;    // of one call
  uint32_t initial_backoff_ms = 200;
  uint32_t max_backoff_ms = 5'000;
  uint32_t give_up_after_s = 0;  // on one batch; 0: never
};

struct Jaeger {
  std::vector<std::string> endpoints;  // HOST:PORT or dns:///HOST:PORT; none: off
  bool gzip = false;
  std::map<std::string, std::string> headers;
  Tls tls;
  Delivery delivery;
};

struct Otlp {
  std::vector<std::string> endpoints;  // grpc: as above; http: http(s)://HOST:PORT[/PATH]
  std::string protocol = "grpc";       // or "http": protobuf in a POST to /v1/traces
  bool gzip = false;
  std::map<std::string, std::string> headers;
  Tls tls;
  Delivery delivery;
};

struct File {
  std::string path;  // empty: off
  size_t max_file_bytes = 100u << 20;
  uint32_t max_files = 5;  // FILE, FILE.1, ...; the oldest is removed
  Delivery delivery;
};

// Links between nodes: the agents of one installation ask each other whose calls they see.
struct Peer {
  std::string listen;    // HOST:PORT or :PORT, where they ask this one; empty: links end at this node
  std::string key_file;  // a secret of 16 bytes or more, the same on all nodes
  std::map<std::string, std::string> agents;  // address or prefix of clients = HOST:PORT of the agent that sees them
  std::string service;                        // HOST:PORT whose DNS addresses are all agents; empty: none
  uint32_t refresh_s = 10;                    // of what DNS says
  size_t max_fanout = 16;         // agents asked at once, while it is not known which of `service` sees a client
  uint32_t settle_ms = 60;        // from a request's start until it is asked about: its caller may be on this node
  uint32_t patience_ms = 900;     // from a request's start; less than span.hold_ms
  uint32_t max_wait_ms = 10'000;  // the same, while the other agent says that it does not know yet, either
  uint32_t batch_ms = 20;
  uint32_t timeout_ms = 300;  // of one call
  size_t max_questions = 65'536;
  size_t max_asked = 65'536;  // questions of others that wait for an answer
  Tls tls;
};

struct Exporter {
  Jaeger jaeger;
  Otlp otlp;
  File file;
};

struct AdminTls {
  bool enabled = false;
  std::string cert_file;  // with key_file
  std::string key_file;
  std::string client_ca_file;       // empty: clients need no certificate
  std::string min_version = "1.2";  // of TLS
  std::string max_version;          // empty: the newest there is
};

struct Admin {
  std::string listen = ":14271";  // empty: off
  AdminTls tls;
};

// A UDP port for the thrift datagrams of Jaeger clients.
struct UdpPort {
  std::string listen;  // HOST:PORT or :PORT; empty: off
  size_t max_packet_bytes = 65'000;
  size_t receive_buffer_bytes = 8u << 20;  // of the socket; above net.core.rmem_max only with CAP_NET_ADMIN
  uint32_t threads = 1;
};

// What samplers of Jaeger clients ask, over HTTP; answered by the collectors of [exporter.jaeger].
struct Sampling {
  std::string listen = ":5778";  // empty: off
  std::string strategies_file;   // Jaeger's JSON; answers where no collector does or did
  uint32_t timeout_ms = 2'000;   // of one question to the collector
  size_t max_services = 10'000;  // whose last answer is kept
};

// Spans of SDKs and captured ones of the same request become one.
struct SdkJoin {
  bool enabled = true;
  uint32_t wait_ms = 6'000;       // for an SDK's span, from a request's end: SDKs send every 5 s
  uint32_t max_wait_ms = 10'000;  // from its start; also how long an SDK's span waits for its request's end
  size_t max_batches = 10'000;    // received and waiting; more pass at once
};

struct Ingest {
  UdpPort zipkin_compact{.listen = ":5775"};
  UdpPort jaeger_compact{.listen = ":6831"};
  UdpPort jaeger_binary{.listen = ":6832"};
  std::map<std::string, std::string> tags;  // added to each process that comes in
  Sampling sampling;
  SdkJoin sdk_join;
};

// What the API server says about the pods of this node.
struct Kubernetes {
  bool enabled = false;
  std::string api;   // https://HOST:PORT; empty: of the pod's environment
  std::string node;  // empty: $NODE_NAME, else the host's name
  std::string token_file = "/var/run/secrets/kubernetes.io/serviceaccount/token";
  std::string ca_file = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";
  std::vector<std::string> labels;       // of pods, that go on their spans
  std::vector<std::string> annotations;  // the same
  bool peers = true;                     // name the other end of calls: follows the Services of the cluster
  uint32_t stale_after_s = 10;           // without the API server
  uint32_t max_backoff_ms = 30'000;
  size_t max_pods = 1'024;        // of this node
  size_t max_addresses = 65'536;  // of peers
};

struct Config {
  Selector selector;
  Kubernetes kubernetes;
  Source source;
  Conn conn;
  Http http;
  Span span;
  Ingest ingest;
  Peer peer;
  Pipeline pipeline;
  Exporter exporter;
  Admin admin;
};

}  // namespace tracelet::config
