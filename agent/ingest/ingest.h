// The UDP side of jaeger-agent: its three ports, their counters and its metrics. Owns the
// threads that receive; they decode and hand on by themselves.
// Start, Stop: one thread; AppendMetrics: any.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "agent/base/result.h"
#include "agent/ingest/receiver.h"
#include "agent/ingest/udp_server.h"
#include "config/config.h"

namespace tracelet::ingest {

class Ingest {
 public:
  // Listens on every port that has an address; one that cannot be had is an error. `sink`
  // must outlive it.
  static Result<std::unique_ptr<Ingest>> Start(const config::Ingest& config, BatchSink& sink);
  ~Ingest();

  // Hands on what the kernel already holds, then closes the ports.
  void Stop();

  // Of zipkin_compact, jaeger_compact, jaeger_binary; 0: off.
  [[nodiscard]] std::array<uint16_t, 3> ports() const;

  // Names, labels and meaning as in jaeger-agent 1.53; what differs is in docs/jaeger-agent.md.
  void AppendMetrics(std::string& out);

 private:
  struct Port {
    const char* labels;  // model and protocol
    std::unique_ptr<Receiver> receiver;
    std::unique_ptr<UdpServer> server;  // null: this port is off, or stopped
    uint64_t kernel_drops = 0;          // of a stopped one
    uint64_t read_errors = 0;
  };

  explicit Ingest(BatchSink& sink) : sink_(sink) {}
  Status Open(Port& port, const config::UdpPort& config, ThriftProtocol protocol);
  void AppendReporter(std::string& out);
  void AppendPorts(std::string& out);
  void AppendClients(std::string& out);

  BatchSink& sink_;
  IngestCounters counters_;
  ClientStatsTable clients_;
  std::unique_ptr<SenderPids> senders_;  // null: not asked
  std::mutex ports_mutex_;               // Stop and AppendMetrics
  std::array<Port, 3> ports_{{{R"(model="zipkin",protocol="compact")", {}, {}},
                              {R"(model="jaeger",protocol="compact")", {}, {}},
                              {R"(model="jaeger",protocol="binary")", {}, {}}}};
};

}  // namespace tracelet::ingest
