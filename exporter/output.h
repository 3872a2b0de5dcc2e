// Where rendered spans go: a file descriptor that may be slow, stopped (Ctrl-S)
// or gone, behind a bounded buffer and one thread that writes. The pipeline
// thread appends, and hands over whole blocks; it waits for a slow reader at most kPatience,
// once, and from then on drops and counts until the reader moves again. With
// WhenFull::kWait (a replay: nothing runs away) it waits as long as it takes.
// Everything is called by one thread; the writing thread is inside.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "exporter/text_block.h"

namespace tracelet::exporter {

enum class WhenFull { kDrop, kWait };

class Output {
 public:
  static constexpr size_t kLimitBytes = 4u << 20;
  static constexpr size_t kBlockBytes = 64u << 10;
  static constexpr std::chrono::milliseconds kPatience{200};

  // Does not own `fd`, which must stay open for as long as the process runs.
  explicit Output(int fd, WhenFull when_full = WhenFull::kDrop, size_t limit_bytes = kLimitBytes);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // Text may be added to it at its end; Appended() must follow.
  TextBlock& block() { return block_.text; }
  // What was added shows `spans` spans. Flushes by itself every kBlockBytes.
  void Appended(uint64_t spans);
  void Append(std::string_view text, uint64_t spans);
  // Hands what was appended to the writing thread.
  void Flush();
  // Flushes and waits until all is written, the reader is gone or `timeout` is
  // over; what is left then counts as dropped. Last call.
  void Finish(std::chrono::milliseconds timeout);

  [[nodiscard]] bool reader_gone() const;  // EPIPE or another error: writing is pointless
  [[nodiscard]] uint64_t spans_dropped() const;

 private:
  struct Block {
    void Clear();
    TextBlock text;
    uint64_t spans = 0;
  };
  struct Shared;  // outlives this object when the writing thread is stuck in write()
  std::shared_ptr<Shared> shared_;
  WhenFull when_full_;
  size_t limit_bytes_;
  Block block_;
  bool reader_stuck_ = false;
};

}  // namespace tracelet::exporter
