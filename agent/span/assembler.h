// Request + response -> span. Says when a request begins (with all the evidence
// that its operations carry) and gives what its span takes to make when it ends.
// Knows nothing of traces.
//
// One thread. Bounded by what ConnTracker bounds: open requests per connection.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "agent/base/recycled.h"
#include "agent/conn/connection.h"
#include "agent/source/event_source.h"
#include "agent/span/http_span.h"
#include "agent/span/request_sink.h"
#include "agent/span/request_start.h"

namespace tracelet::span {

class Assembler : public conn::ConnectionSink {
 public:
  // `sink` must outlive it.
  Assembler(RequestSink& sink, HttpSpanOptions options, size_t max_processes);

  void OnClock(const source::ClockPair& pair) { clock_ = pair; }
  void OnProcess(const process::ProcessInfo& info);
  void OnProcessExit(const process::ProcessKey& key) { processes_.erase(key); }

  void OnRequest(const conn::ConnectionInfo& connection, conn::Direction direction,
                 const protocol::Exchange& exchange) override;
  void OnOpenEndedResponse(const conn::ConnectionInfo& connection, const protocol::Exchange& exchange) override;
  void OnExchange(const conn::ConnectionInfo& connection, conn::Direction direction,
                  protocol::Exchange&& exchange) override;

  [[nodiscard]] uint64_t ToUnix(uint64_t monotonic_ns) const {
    return monotonic_ns - clock_.monotonic_ns + clock_.realtime_ns;
  }
  // Null if it is not known.
  [[nodiscard]] const process::ProcessInfo* Find(const process::ProcessKey& key) const {
    const auto found = processes_.find(key);
    return found == processes_.end() ? nullptr : found->second.get();
  }
  [[nodiscard]] uint64_t begun() const { return next_handle_ - 1; }
  [[nodiscard]] uint64_t processes_forgotten() const { return processes_forgotten_; }

 private:
  using ProcessPtr = std::shared_ptr<const process::ProcessInfo>;

  struct Key {
    uint64_t connection;
    uint64_t exchange;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const {
      return std::hash<uint64_t>{}(key.connection * 0x9e3779b97f4a7c15ULL ^ key.exchange);
    }
  };
  struct Open {
    uint64_t handle;
    ProcessPtr process;
  };

  ProcessPtr Process(const process::ProcessKey& key);

  RequestSink& sink_;
  const HttpSpanOptions options_;
  const size_t max_processes_;
  source::ClockPair clock_;
  std::unordered_map<process::ProcessKey, ProcessPtr> processes_;
  RecycledMap<Key, Open, KeyHash> open_;
  uint64_t next_handle_ = 1;
  uint64_t processes_forgotten_ = 0;
};

// The name of a request that begins at `offset` of its connection, on HTTP/2 stream
// `stream_id` (else 0), of which the even ones are promises, whose offset is that of the other direction; `direction`
// is that of the request. Sets `refusal` when there is none.
std::optional<MessageName> NameRequest(const conn::ConnectionInfo& connection, conn::Direction direction,
                                       uint64_t offset, uint32_t stream_id, LinkRefusal& refusal);

}  // namespace tracelet::span
