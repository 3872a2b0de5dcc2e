#include "exporter/console/console.h"

#include "exporter/console/tree_view.h"

namespace tracelet::exporter {

Console::Console(Output& output, const Terminal& terminal, const TraceTableLimits& limits)
    : output_(output), terminal_(terminal), table_(limits, [this](GatheredTrace&& trace) {
        output_.Append(RenderTrace(trace, terminal_), trace.spans.size());
      }) {}

void Console::OnWatermark(uint64_t unix_ns) {
  table_.OnWatermark(unix_ns);
  output_.Flush();
}

void Console::Finish() {
  table_.Flush();
  output_.Flush();
}

}  // namespace tracelet::exporter
