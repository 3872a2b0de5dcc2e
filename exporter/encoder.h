// A protocol's view of spans: turns them into request bodies as they come, so that
// what waits for a slow collector is its compact wire form and its size is exact.
// Called by one thread at a time (ExportWorker holds its lock).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/span/ingested_batch.h"
#include "agent/span/span.h"

namespace tracelet::exporter {

// The body of one call.
struct Payload {
  std::shared_ptr<const std::string> bytes;  // shared with gRPC, which may still read it after a cancelled call
  uint64_t spans = 0;
};

class Encoder {
 public:
  virtual ~Encoder() = default;
  // Appends to what is open. The second returns how many spans it could not represent.
  virtual void Add(const span::Span& span) = 0;
  virtual uint64_t Add(const span::IngestedBatch& batch) = 0;
  // Size of what is open, within a few bytes per payload.
  [[nodiscard]] virtual size_t bytes() const = 0;
  // Closes what is open: one payload or several; each holds at least one span.
  virtual std::vector<Payload> Take() = 0;
};

}  // namespace tracelet::exporter
