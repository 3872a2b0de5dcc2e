// Spans that applications made themselves and sent here, as far as the stitcher needs them to
// see that one of them and a captured request are the same thing. Looked into at each
// watermark. Capture thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/span/span.h"

namespace tracelet::span {

// Only spans of kind server and client are told.
struct SdkSpan {
  uint32_t index = 0;  // in its batch
  Kind kind = Kind::kServer;
  TraceId trace_id = {};
  SpanId span_id = {};
  SpanId parent_id = {};  // 0: root
  uint64_t start_unix_ns = 0;
  std::string method = {};
  std::string peer_address = {};  // server: of its client; empty: not said
  uint16_t peer_port = 0;         // 0: not said
};

// What the kernel adds to one of them.
struct SdkJoin {
  uint32_t index = 0;
  TraceId trace_id = {};
  SpanId parent_id = {};  // a parent, where it had none; 0: nothing to add
  std::vector<Attribute> attributes = {};
  std::shared_ptr<const process::ProcessInfo> process = {};  // whose it is
  std::optional<Link> link = {};  // the captured span of the same request, which stays: both are in traces of their own
};

// Spans that one process sent together.
class SdkBatch {
 public:
  // Released without a word about it, if it was not.
  virtual ~SdkBatch() = default;
  [[nodiscard]] virtual uint32_t pid() const = 0;
  [[nodiscard]] virtual const std::vector<SdkSpan>& spans() const = 0;
  // Passes all of them on to the exporters. Once.
  virtual void Release(const std::vector<SdkJoin>& joins) = 0;
};

class SdkInbox {
 public:
  virtual ~SdkInbox() = default;
  virtual std::vector<std::unique_ptr<SdkBatch>> TakeSdkBatches() = 0;
};

}  // namespace tracelet::span
