// A way to hand one encoded payload to a backend: gRPC, HTTP, a file. Knows one
// attempt; when to try again is ExportWorker's decision.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "exporter/encoder.h"

namespace tracelet::exporter {

enum class SendStatus : uint8_t {
  kDelivered,
  kRetry,     // it may work later: no connection, no answer in time, too busy
  kRejected,  // it never will: the backend refuses these spans, or this agent
};

struct SendResult {
  SendStatus status = SendStatus::kDelivered;
  uint64_t rejected = 0;                                 // kDelivered: spans the backend says it did not keep
  std::optional<std::chrono::milliseconds> retry_after;  // the backend's own wish
  std::string reason;                                    // for people; empty when all is well
};

class Sender {
 public:
  using Clock = std::chrono::steady_clock;
  virtual ~Sender() = default;
  // Blocks until there is an answer, at most until `deadline`. The worker's thread.
  virtual SendResult Send(const Payload& payload, Clock::time_point deadline) = 0;
  // Makes a Send in flight, and every later one, return soon. Any thread.
  virtual void Cancel() = 0;
};

}  // namespace tracelet::exporter
