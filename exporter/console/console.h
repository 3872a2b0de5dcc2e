// `--format tree`: traces as they become whole, for people. Pipeline thread.
#pragma once

#include <memory>

#include "agent/span/span.h"
#include "exporter/console/terminal.h"
#include "exporter/console/trace_table.h"
#include "exporter/exporter.h"
#include "exporter/output.h"

namespace tracelet::exporter {

class Console : public Exporter {
 public:
  Console(Output& output, const Terminal& terminal, const TraceTableLimits& limits = {});

  void OnSpan(std::shared_ptr<const span::Span> span) override { table_.Add(std::move(span)); }
  void OnWatermark(uint64_t unix_ns) override;
  // Shows the traces that are still gathering.
  void Finish() override;

 private:
  Output& output_;
  Terminal terminal_;
  TraceTable table_;
};

}  // namespace tracelet::exporter
