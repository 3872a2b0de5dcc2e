// Spans of one process as an SDK sent them, already in the form in which a Jaeger
// collector takes them: they pass through, so nothing of them is kept as objects.
// Plain data, shared by all exporters.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace tracelet::span {

struct IngestedBatch {
  std::string spans;   // a run of `Batch.spans` fields (exporter/proto/jaeger/model.proto): 0x0a, length, Span
  uint32_t count = 0;  // how many
  std::optional<std::string> process;  // one `Process` message, without tag and length; absent: each span has its own
};

// Where they go. Any thread.
class IngestSink {
 public:
  virtual ~IngestSink() = default;
  virtual void OnIngested(std::shared_ptr<const IngestedBatch> batch) = 0;
};

}  // namespace tracelet::span
