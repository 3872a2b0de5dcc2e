// A trace as text. One line per call:
//   time  trace  tree  caller → callee  method route  status  duration  bar  pids
// and, below, dim, why a link is missing and what went wrong. The bar shows where
// in the trace the call was: light while only the caller saw it, solid while the
// callee worked. Columns that do not fit are left out, the bar first. Pure.
#pragma once

#include <string>

#include "exporter/console/terminal.h"
#include "exporter/console/trace_table.h"

namespace tracelet::exporter {

inline constexpr size_t kMaxRowsShown = 200;  // of one trace; the rest is counted in its last line

std::string RenderTrace(const GatheredTrace& trace, const Terminal& terminal);

// Three digits: 850us, 12.3ms, 1.20s.
std::string RenderDuration(uint64_t nanoseconds);

}  // namespace tracelet::exporter
