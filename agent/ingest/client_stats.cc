#include "agent/ingest/client_stats.h"

namespace tracelet::ingest {
namespace {

std::string_view Uuid(const Batch& batch) {
  if (!batch.process) return {};
  for (const Tag& tag : batch.process->tags) {
    if (tag.key == "client-uuid") return tag.type == ValueType::kString ? tag.text : std::string_view();
  }
  return {};
}

void AddGrowth(int64_t now, int64_t before, int64_t& total) {
  total =
      static_cast<int64_t>(static_cast<uint64_t>(total) + static_cast<uint64_t>(now) - static_cast<uint64_t>(before));
}

}  // namespace

void ClientStatsTable::OnBatch(const Batch& batch, Clock::time_point now) {
  const std::string_view uuid = Uuid(batch);
  if (uuid.empty() || !batch.sequence) return;
  const std::lock_guard lock(mutex_);
  if (clients_.size() >= kMaxClients) Forget(now);
  auto found = clients_.find(std::string(uuid));
  if (found == clients_.end()) {
    if (clients_.size() >= kMaxClients) return;
    found = clients_.emplace(uuid, Client{}).first;
  }
  Client& client = found->second;
  client.last_heard = now;
  ++totals_.batches_received;
  // Totals only grow: a batch that came late has nothing to add.
  if (*batch.sequence <= client.sequence) return;
  if (client.sequence > 0) {
    totals_.batches_sent += static_cast<uint64_t>(*batch.sequence) - static_cast<uint64_t>(client.sequence);
    if (batch.stats) {
      ClientStats& dropped = totals_.spans_dropped;
      AddGrowth(batch.stats->full_queue_dropped_spans, client.stats.full_queue_dropped_spans,
                dropped.full_queue_dropped_spans);
      AddGrowth(batch.stats->too_large_dropped_spans, client.stats.too_large_dropped_spans,
                dropped.too_large_dropped_spans);
      AddGrowth(batch.stats->failed_to_emit_spans, client.stats.failed_to_emit_spans, dropped.failed_to_emit_spans);
    }
  }
  client.sequence = *batch.sequence;
  if (batch.stats) client.stats = *batch.stats;
}

ClientStatsTable::Totals ClientStatsTable::totals(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  Forget(now);
  totals_.connected_clients = clients_.size();
  return totals_;
}

void ClientStatsTable::Forget(Clock::time_point now) {
  std::erase_if(clients_, [&](const auto& entry) { return now - entry.second.last_heard > kForgetAfter; });
}

}  // namespace tracelet::ingest
