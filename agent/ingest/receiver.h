// What happens to the datagrams of one port: decoded, counted, handed on; what cannot be
// decoded is told in the log, at most once per kLogEvery. Its counters are the ones of
// jaeger-agent, see docs/jaeger-agent.md. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <chrono>

#include "agent/ingest/client_stats.h"
#include "agent/ingest/jaeger_model.h"
#include "agent/ingest/sender_pids.h"
#include "agent/ingest/thrift_reader.h"
#include "agent/ingest/udp_server.h"

namespace tracelet::ingest {

// Of one port.
struct PortCounters {
  std::atomic<uint64_t> packets{0};
  std::atomic<uint64_t> handler_errors{0};  // packets of which something was lost
  std::atomic<uint64_t> packet_size{0};     // the last one
};

// Of one format, over all ports. received spans == submitted + failed + those without a required field.
struct FormatCounters {
  std::atomic<uint64_t> batches_submitted{0};
  std::atomic<uint64_t> spans_submitted{0};
  std::atomic<uint64_t> batches_failures{0};
  std::atomic<uint64_t> spans_failures{0};
  std::atomic<uint64_t> batch_size{0};  // the last one
};

// Of all ports.
struct IngestCounters {
  std::array<FormatCounters, 2> formats;  // by Format
  std::array<std::atomic<uint64_t>, static_cast<size_t>(SpanLoss::kCount)> lost{};
};

class Receiver : public DatagramSink {
 public:
  static constexpr std::chrono::seconds kLogEvery{10};

  struct Shared {
    IngestCounters& counters;
    ClientStatsTable& clients;
    BatchSink& sink;
    SenderPids* senders = nullptr;  // null: who sends does not matter
  };
  // `listen` names the port in the log.
  Receiver(std::string listen, ThriftProtocol protocol, Shared shared);

  void OnDatagram(const Datagram& datagram) override;

  [[nodiscard]] const PortCounters& counters() const { return counters_; }

 private:
  void OnLoss(const Datagram& datagram, std::string_view why);
  void Count(const Batch& batch);

  std::string listen_;
  ThriftProtocol protocol_;
  Shared shared_;
  PortCounters counters_;
  std::atomic<std::chrono::steady_clock::rep> next_log_{0};
  std::atomic<uint64_t> unlogged_{0};
};

}  // namespace tracelet::ingest
