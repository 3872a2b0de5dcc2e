// What Jaeger clients report of their own losses: running totals per client, told by the
// process tag "client-uuid", with a sequence number for each batch. The totals of all
// clients are what grew since each was first seen, so a restart of the agent adds nothing.
// Any thread.
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <unordered_map>

#include "agent/ingest/jaeger_model.h"

namespace tracelet::ingest {

class ClientStatsTable {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::hours kForgetAfter{1};
  // Anybody can make up clients: more are not told apart, their reports are ignored.
  static constexpr size_t kMaxClients = 10'000;

  struct Totals {
    uint64_t batches_received = 0;
    uint64_t batches_sent = 0;  // by what the sequence numbers say
    ClientStats spans_dropped;
    size_t connected_clients = 0;
  };

  void OnBatch(const Batch& batch, Clock::time_point now);
  [[nodiscard]] Totals totals(Clock::time_point now);

 private:
  struct Client {
    Clock::time_point last_heard;
    int64_t sequence = 0;
    ClientStats stats;
  };
  void Forget(Clock::time_point now);

  std::mutex mutex_;
  std::unordered_map<std::string, Client> clients_;
  Totals totals_;
};

}  // namespace tracelet::ingest
