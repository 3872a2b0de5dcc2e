#include "agent/ingest/ingest.h"

#include <spdlog/spdlog.h>

#include "agent/admin/metrics_text.h"

namespace tracelet::ingest {
namespace {

uint64_t Load(const std::atomic<uint64_t>& counter) { return counter.load(std::memory_order_relaxed); }

}  // namespace

Result<std::unique_ptr<Ingest>> Ingest::Start(const config::Ingest& config, BatchSink& sink) {
  std::unique_ptr<Ingest> ingest(new Ingest(sink));
  if (config.sdk_join.enabled) ingest->senders_ = std::make_unique<SenderPids>();
  const std::array<const config::UdpPort*, 3> ports = {&config.zipkin_compact, &config.jaeger_compact,
                                                       &config.jaeger_binary};
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i]->listen.empty()) continue;
    const bool binary = ports[i] == &config.jaeger_binary;
    auto opened =
        ingest->Open(ingest->ports_[i], *ports[i], binary ? ThriftProtocol::kBinary : ThriftProtocol::kCompact);
    if (!opened) return opened.error();
  }
  return ingest;
}

Ingest::~Ingest() { Stop(); }

Status Ingest::Open(Port& port, const config::UdpPort& config, ThriftProtocol protocol) {
  port.receiver =
      std::make_unique<Receiver>(config.listen, protocol, Receiver::Shared{counters_, clients_, sink_, senders_.get()});
  auto server = UdpServer::Start(config, *port.receiver);
  if (!server) return server.error();
  port.server = std::move(*server);
  const size_t granted = port.server->receive_buffer_bytes();
  spdlog::info("UDP {}: receives Jaeger spans, {} kB of buffer", config.listen, granted / 1024);
  if (granted < config.receive_buffer_bytes) {
    spdlog::warn(
        "UDP {}: the kernel allows {} kB of buffer, {} kB are configured: raise net.core.rmem_max or give "
        "CAP_NET_ADMIN, or bursts are dropped (and counted)",
        config.listen, granted / 1024, config.receive_buffer_bytes / 1024);
  }
  return Ok();
}

void Ingest::Stop() {
  for (Port& port : ports_) {
    if (port.server == nullptr) continue;
    port.server->Stop();
    const std::lock_guard lock(ports_mutex_);
    port.kernel_drops = port.server->KernelDrops();
    port.read_errors = port.server->read_errors();
    port.server.reset();
  }
}

std::array<uint16_t, 3> Ingest::ports() const {
  std::array<uint16_t, 3> numbers{};
  for (size_t i = 0; i < ports_.size(); ++i) {
    if (ports_[i].server != nullptr) numbers[i] = ports_[i].server->port();
  }
  return numbers;
}

void Ingest::AppendMetrics(std::string& out) {
  AppendReporter(out);
  AppendPorts(out);
  AppendClients(out);
}

void Ingest::AppendReporter(std::string& out) {
  struct Series {
    const char* name;
    const char* help;
    std::atomic<uint64_t> FormatCounters::*value;
  };
  static constexpr Series kSeries[] = {
      {"jaeger_agent_reporter_batches_submitted_total", "Batches handed to the export queue",
       &FormatCounters::batches_submitted},
      {"jaeger_agent_reporter_spans_submitted_total", "Spans handed to the export queue",
       &FormatCounters::spans_submitted},
      {"jaeger_agent_reporter_batches_failures_total", "Batches of which spans could not be represented",
       &FormatCounters::batches_failures},
      {"jaeger_agent_reporter_spans_failures_total", "Spans that could not be represented",
       &FormatCounters::spans_failures},
  };
  static constexpr const char* kLabels[] = {R"(format="jaeger",protocol="grpc")", R"(format="zipkin",protocol="grpc")"};
  admin::MetricsText text(out);
  for (const Series& series : kSeries) {
    text.Counter(series.name, series.help);
    for (size_t i = 0; i < 2; ++i) text.Sample(kLabels[i], Load(counters_.formats[i].*series.value));
  }
  text.Gauge("jaeger_agent_reporter_batch_size", "Spans of the last batch");
  for (size_t i = 0; i < 2; ++i) text.Sample(kLabels[i], Load(counters_.formats[i].batch_size));
  text.Counter("tracelet_ingest_spans_dropped_total", "Received spans that were dropped alone");
  for (size_t i = 0; i < counters_.lost.size(); ++i) {
    text.Sample("reason=\"" + std::string(Name(static_cast<SpanLoss>(i))) + "\"", Load(counters_.lost[i]));
  }
}

void Ingest::AppendPorts(std::string& out) {
  const std::lock_guard lock(ports_mutex_);
  admin::MetricsText text(out);
  const auto each = [&](const auto& value) {
    for (const Port& port : ports_) text.Sample(port.labels, port.receiver == nullptr ? 0 : value(port));
  };
  text.Counter("jaeger_agent_thrift_udp_server_packets_processed_total", "Packets received");
  each([](const Port& port) { return Load(port.receiver->counters().packets); });
  text.Counter("jaeger_agent_thrift_udp_server_packets_dropped_total", "Packets the kernel dropped: no room");
  each([](const Port& port) { return port.server == nullptr ? port.kernel_drops : port.server->KernelDrops(); });
  text.Counter("jaeger_agent_thrift_udp_server_read_errors_total", "Failed reads of the socket");
  each([](const Port& port) { return port.server == nullptr ? port.read_errors : port.server->read_errors(); });
  text.Gauge("jaeger_agent_thrift_udp_server_packet_size", "Bytes of the last packet");
  each([](const Port& port) { return Load(port.receiver->counters().packet_size); });
  text.Gauge("jaeger_agent_thrift_udp_server_queue_size", "Packets between socket and decoder: there is no such queue");
  each([](const Port&) { return uint64_t{0}; });
  text.Counter("jaeger_agent_thrift_udp_t_processor_handler_errors_total", "Packets of which something was lost");
  each([](const Port& port) { return Load(port.receiver->counters().handler_errors); });
  // There is nothing to close that could take time; dashboards may still ask.
  text.Histogram("jaeger_agent_thrift_udp_t_processor_close_time", "Seconds that closing took: nothing waits there");
  for (const Port& port : ports_) {
    for (const double bound : {.005, .01, .025, .05, .1, .25, .5, 1., 2.5, 5., 10.}) text.Bucket(port.labels, bound, 0);
    text.EndBuckets(port.labels, 0, 0);
  }
  text.Gauge("tracelet_ingest_receive_buffer_bytes", "Room in the socket, as the kernel counts it");
  each([](const Port& port) { return port.server == nullptr ? uint64_t{0} : port.server->receive_buffer_bytes(); });
}

void Ingest::AppendClients(std::string& out) {
  const auto totals = clients_.totals(ClientStatsTable::Clock::now());
  admin::MetricsText text(out);
  text.Counter("jaeger_agent_client_stats_batches_received_total", "Batches received from clients that number them");
  text.Sample("", totals.batches_received);
  text.Counter("jaeger_agent_client_stats_batches_sent_total", "Batches these clients sent, by their numbers");
  text.Sample("", totals.batches_sent);
  text.Gauge("jaeger_agent_client_stats_connected_clients", "Clients heard of within an hour");
  text.Sample("", totals.connected_clients);
  text.Counter("jaeger_agent_client_stats_spans_dropped_total", "Spans that clients say they dropped");
  text.Sample(R"(cause="full-queue")", static_cast<uint64_t>(totals.spans_dropped.full_queue_dropped_spans));
  text.Sample(R"(cause="send-failure")", static_cast<uint64_t>(totals.spans_dropped.failed_to_emit_spans));
  text.Sample(R"(cause="too-large")", static_cast<uint64_t>(totals.spans_dropped.too_large_dropped_spans));
}

}  // namespace tracelet::ingest
