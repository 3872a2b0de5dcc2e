#include "agent/ingest/client_stats.h"

#include <gtest/gtest.h>

namespace tracelet::ingest {
namespace {

using namespace std::chrono_literals;

Batch Report(std::string_view uuid, int64_t sequence, int64_t full_queue) {
  Batch batch;
  batch.process.emplace().tags = {{.key = "client-uuid", .text = uuid}};
  batch.sequence = sequence;
  batch.stats = ClientStats{.full_queue_dropped_spans = full_queue};
  return batch;
}

TEST(ClientStatsTable, AddsWhatGrewSinceAClientWasFirstSeen) {
  ClientStatsTable table;
  const ClientStatsTable::Clock::time_point now{};
  table.OnBatch(Report("a", 100, 50), now);  // it ran before this agent did
  EXPECT_EQ(table.totals(now).spans_dropped.full_queue_dropped_spans, 0);
  EXPECT_EQ(table.totals(now).batches_sent, 0U);
  table.OnBatch(Report("a", 103, 57), now);
  table.OnBatch(Report("a", 102, 55), now);  // late
  table.OnBatch(Report("b", 1, 9), now);
  const auto totals = table.totals(now);
  EXPECT_EQ(totals.spans_dropped.full_queue_dropped_spans, 7);
  EXPECT_EQ(totals.batches_sent, 3U);
  EXPECT_EQ(totals.batches_received, 4U);
  EXPECT_EQ(totals.connected_clients, 2U);
}

TEST(ClientStatsTable, ForgetsAClientAfterAnHour) {
  ClientStatsTable table;
  const ClientStatsTable::Clock::time_point now{};
  table.OnBatch(Report("a", 1, 0), now);
  EXPECT_EQ(table.totals(now + 59min).connected_clients, 1U);
  EXPECT_EQ(table.totals(now + 61min).connected_clients, 0U);
}

TEST(ClientStatsTable, IgnoresWhoDoesNotNumberOrNameItself) {
  ClientStatsTable table;
  Batch batch = Report("a", 1, 0);
  batch.sequence.reset();
  table.OnBatch(batch, {});
  batch = Report("a", 1, 0);
  batch.process->tags[0].type = ValueType::kInt64;
  table.OnBatch(batch, {});
  EXPECT_EQ(table.totals({}).batches_received, 0U);
}

TEST(ClientStatsTable, IsBounded) {
  ClientStatsTable table;
  for (size_t i = 0; i < ClientStatsTable::kMaxClients + 10; ++i) table.OnBatch(Report(std::to_string(i), 1, 0), {});
  EXPECT_EQ(table.totals({}).connected_clients, ClientStatsTable::kMaxClients);
}

}  // namespace
}  // namespace tracelet::ingest
