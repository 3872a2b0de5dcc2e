// Where plaintext lies in the ciphertext: positions that are equal at both ends of an
// encrypted connection (event_data.record of bpf/events.h), so that they can name messages.
// Remembers the last kKept operations per direction: a message is named when its head is
// known. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>

#include "agent/conn/operation.h"
#include "bpf/events.h"

namespace tracelet::conn {

class RecordPositions {
 public:
  static constexpr size_t kKept = 64;

  // `record`: event_data.record of plaintext [offset, offset + length).
  void Note(Direction direction, uint64_t offset, uint32_t length, int64_t record) {
    auto& operations = operations_[static_cast<size_t>(direction)];
    if (!operations.empty() && operations.back().end == offset && operations.back().record == record) {
      operations.back().end += length;
      return;
    }
    if (operations.size() == kKept) operations.pop_front();
    operations.push_back({offset, offset + length, record});
  }

  // Of the byte at this plaintext offset; empty when it is not certain.
  [[nodiscard]] std::optional<uint64_t> Find(Direction direction, uint64_t offset) const {
    const auto& operations = operations_[static_cast<size_t>(direction)];
    for (auto it = operations.rbegin(); it != operations.rend(); ++it) {
      if (offset < it->begin || offset >= it->end) continue;
      if (it->record == RECORD_UNKNOWN || offset - it->begin >= RECORD_MAX) return std::nullopt;
      return offset + static_cast<uint64_t>(it->record);
    }
    return std::nullopt;
  }

 private:
  struct Operation {
    uint64_t begin = 0;
    uint64_t end = 0;
    int64_t record = 0;
  };
  std::array<std::deque<Operation>, 2> operations_;
};

}  // namespace tracelet::conn
