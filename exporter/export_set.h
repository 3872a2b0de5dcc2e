// All workers as one sink: each gets every span. Owns them.
// OnSpan, OnIngested: any thread. Finish: once, the last call.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "exporter/export_worker.h"

namespace tracelet::exporter {

class ExportSet : public span::SpanSink, public span::IngestSink {
 public:
  explicit ExportSet(std::vector<std::unique_ptr<ExportWorker>> workers) : workers_(std::move(workers)) {}

  void OnSpan(std::shared_ptr<const span::Span> span) override;
  void OnWatermark(uint64_t /*unix_ns*/) override {}
  void OnIngested(std::shared_ptr<const span::IngestedBatch> batch) override;

  // Of all at once: a backend that is hung takes no time from the others.
  void Finish(ExportWorker::Clock::time_point deadline);

  [[nodiscard]] bool empty() const { return workers_.empty(); }
  // Name and ledger of each.
  [[nodiscard]] std::vector<std::pair<std::string, ExportLedger>> ledgers() const;

 private:
  std::vector<std::unique_ptr<ExportWorker>> workers_;
};

}  // namespace tracelet::exporter
