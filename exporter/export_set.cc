#include "exporter/export_set.h"

#include <thread>

namespace tracelet::exporter {

void ExportSet::OnSpan(std::shared_ptr<const span::Span> span) {
  for (const auto& worker : workers_) worker->OnSpan(span);
}

void ExportSet::OnIngested(std::shared_ptr<const span::IngestedBatch> batch) {
  for (const auto& worker : workers_) worker->OnIngested(batch);
}

void ExportSet::Finish(ExportWorker::Clock::time_point deadline) {
  std::vector<std::jthread> finishing;
  for (const auto& worker : workers_) {
    finishing.emplace_back([&worker, deadline] { worker->Finish(deadline); });
  }
}

std::vector<std::pair<std::string, ExportLedger>> ExportSet::ledgers() const {
  std::vector<std::pair<std::string, ExportLedger>> ledgers;
  for (const auto& worker : workers_) ledgers.emplace_back(worker->name(), worker->ledger());
  return ledgers;
}

}  // namespace tracelet::exporter
