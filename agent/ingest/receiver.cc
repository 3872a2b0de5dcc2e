#include "agent/ingest/receiver.h"

#include <spdlog/spdlog.h>

#include "agent/admin/listen_address.h"
#include "agent/base/clock.h"
#include "agent/ingest/datagram.h"

namespace tracelet::ingest {
namespace {

void Add(std::atomic<uint64_t>& counter, uint64_t count = 1) { counter.fetch_add(count, std::memory_order_relaxed); }

}  // namespace

Receiver::Receiver(std::string listen, ThriftProtocol protocol, Shared shared)
    : listen_(std::move(listen)), protocol_(protocol), shared_(shared) {}

void Receiver::OnDatagram(const Datagram& datagram) {
  Add(counters_.packets);
  counters_.packet_size.store(datagram.bytes.size(), std::memory_order_relaxed);
  Decoded decoded = DecodeDatagram(protocol_, datagram.bytes);
  if (!decoded.batch) return OnLoss(datagram, datagram.cut ? "it is longer than max_packet_bytes" : decoded.error);
  if (shared_.senders != nullptr) {
    decoded.batch->received_ns = ReadClock(CLOCK_MONOTONIC);
    const SenderPids::Sender sender = shared_.senders->Find(datagram.from);
    decoded.batch->sender_port = sender.port;
    decoded.batch->sender_netns = sender.netns;
    decoded.batch->sender_pid = sender.pid;
  }
  const Batch& batch = *decoded.batch;
  shared_.clients.OnBatch(batch, ClientStatsTable::Clock::now());
  Count(batch);
  if (batch.lost.Total() > 0) OnLoss(datagram, "spans that cannot be represented");
  if (!batch.spans.empty()) shared_.sink.OnBatch(batch);
}

void Receiver::Count(const Batch& batch) {
  FormatCounters& format = shared_.counters.formats[static_cast<size_t>(batch.format)];
  const uint64_t lost = batch.lost.Total();
  if (!batch.spans.empty() || lost == 0) {
    Add(format.batches_submitted);
    Add(format.spans_submitted, batch.received - lost);
    format.batch_size.store(batch.received - lost, std::memory_order_relaxed);
  }
  if (lost == 0) return;
  batch.lost.ForEach(
      [&](SpanLoss reason, uint64_t count) { Add(shared_.counters.lost[static_cast<size_t>(reason)], count); });
  // As in the reference, a span that cannot be decoded is an error of the packet only.
  const uint64_t failed = lost - batch.lost[SpanLoss::kMissingField];
  if (failed > 0) Add(format.batches_failures);
  Add(format.spans_failures, failed);
}

void Receiver::OnLoss(const Datagram& datagram, std::string_view why) {
  Add(counters_.handler_errors);
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  auto next = next_log_.load(std::memory_order_relaxed);
  const auto later = (now + std::chrono::duration_cast<std::chrono::steady_clock::duration>(kLogEvery)).count();
  if (now.count() < next || !next_log_.compare_exchange_strong(next, later)) return Add(unlogged_);
  const uint64_t unlogged = unlogged_.exchange(0);
  spdlog::warn("UDP {}: a datagram of {} bytes from {} cannot be used: {}{}", listen_, datagram.bytes.size(),
               admin::Describe(datagram.from), why,
               unlogged > 0 ? fmt::format("; {} more since the last such line", unlogged) : "");
}

}  // namespace tracelet::ingest
