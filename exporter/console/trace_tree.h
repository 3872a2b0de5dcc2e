// Spans of one trace as the rows of a tree. A call seen from both ends is two
// spans and one row: caller → callee. Pure.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/span/span.h"
#include "exporter/console/trace_table.h"

namespace tracelet::exporter {

struct TraceRow {
  const span::Span* client = nullptr;  // one of the two may be absent, never both
  const span::Span* server = nullptr;
  std::vector<TraceRow> children;  // by start

  // The span on the caller's side where there is one: it covers the whole call.
  [[nodiscard]] const span::Span& Outer() const { return client != nullptr ? *client : *server; }
  // The span on the callee's side where there is one: it knows the route.
  [[nodiscard]] const span::Span& Inner() const { return server != nullptr ? *server : *client; }
};

// The rows without a parent in `spans`, by start. Every span is in exactly one
// row, also when parents form a circle.
std::vector<TraceRow> BuildTree(const std::vector<std::shared_ptr<const span::Span>>& spans);

// Text of an attribute, "" where there is none.
std::string AttributeText(const span::Span& span, std::string_view key);

}  // namespace tracelet::exporter
