// One output behind one bounded queue and one thread. Spans are encoded as they
// come, by the thread that brings them; full or old payloads wait in the queue; the
// worker's thread sends them in order, one at a time, and tries again for as long
// as that can help. A backend that is slow, hung or gone costs `queue_bytes`, never
// a wait: what does not fit is dropped, newest first, and counted.
//
//   accepted == exported + dropped + held      at any time, in spans
//
// While older payloads wait, the open one grows to its limits instead of being
// closed by age, so an outage leaves few large payloads.
// OnSpan, OnIngested, ledger: any thread. Finish: once, the last call.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "agent/base/counters.h"
#include "agent/span/ingested_batch.h"
#include "agent/span/span.h"
#include "config/config.h"
#include "exporter/encoder.h"
#include "exporter/sender.h"

namespace tracelet::exporter {

enum class ExportDrop : uint8_t {
  kQueueFull,
  kRejected,     // by the backend, for good
  kGaveUp,       // tried for longer than give_up_after_s
  kShutdown,     // not delivered when the time to stop was over
  kUnencodable,  // this protocol cannot say it
  kCount,
};
std::string_view Name(ExportDrop reason);

struct ExportLedger {
  uint64_t accepted = 0;
  uint64_t exported = 0;
  uint64_t held = 0;
  Counters<ExportDrop> dropped;
  // Beside the ledger: what the worker did and what waits.
  uint64_t calls = 0;
  uint64_t failed_calls = 0;
  uint64_t queue_bytes = 0;
  bool reachable = true;  // the last call was answered
  uint64_t connects = 0;  // calls that were answered after none was, the first one too
};

class ExportWorker : public span::SpanSink, public span::IngestSink {
 public:
  using Clock = std::chrono::steady_clock;
  // An outage is worth a line when it begins, while it lasts, and when it ends.
  static constexpr std::chrono::seconds kLogEvery{60};

  ExportWorker(std::string name, const config::Delivery& config, std::unique_ptr<Encoder> encoder,
               std::unique_ptr<Sender> sender);
  ~ExportWorker() override;
  ExportWorker(const ExportWorker&) = delete;
  ExportWorker& operator=(const ExportWorker&) = delete;

  void OnSpan(std::shared_ptr<const span::Span> span) override;
  void OnWatermark(uint64_t /*unix_ns*/) override {}  // its own clock closes old payloads
  void OnIngested(std::shared_ptr<const span::IngestedBatch> batch) override;

  // Closes and sends what is left until `deadline`; the rest counts as dropped.
  void Finish(Clock::time_point deadline);

  [[nodiscard]] ExportLedger ledger() const;
  [[nodiscard]] const std::string& name() const;

 private:
  struct State;  // outlives this object when the thread is stuck in a call that ignores Cancel
  std::shared_ptr<State> state_;
};

}  // namespace tracelet::exporter
