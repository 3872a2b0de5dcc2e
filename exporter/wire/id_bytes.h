// Trace and span ids as every wire format of ours has them: big-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "agent/span/ids.h"

namespace tracelet::exporter::wire {

class IdBytes {
 public:
  explicit IdBytes(const span::TraceId& id) : size_(16) {
    Put(0, id.high);
    Put(8, id.low);
  }
  explicit IdBytes(const span::SpanId& id) : size_(8) { Put(0, id.value); }
  [[nodiscard]] std::string_view view() const { return {bytes_, size_}; }

 private:
  void Put(size_t at, uint64_t value) {
    for (size_t i = 0; i < 8; ++i) bytes_[at + i] = static_cast<char>(value >> (56 - 8 * i));
  }
  char bytes_[16];
  size_t size_;
};

}  // namespace tracelet::exporter::wire
