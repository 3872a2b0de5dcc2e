// RingReader: takes records out of several BPF ring buffers in the order of their
// time stamps, without a guessed window (DESIGN §4).
//
// A *round* reads T = CLOCK_MONOTONIC, then the producer position of each ring,
// and drains each ring up to that position. Programs stamp a record after they
// reserved it, so everything stamped <= T is below those positions: sorted by
// stamp it is complete up to T. What is stamped later waits for the next round.
//
// The layout of a ring is that of kernel/bpf/ringbuf.c (since 5.8), which is user
// API: a page with the consumer position, a page with the producer position,
// then the data, which the kernel offers twice in a row so that no record is ever cut in
// two. Each page that is mapped counts as resident memory, so it is mapped once here, and
// the few records that go round the end are put together as they are copied. Each record has an 8-byte header whose
// first word is its length and BPF_RINGBUF_BUSY_BIT until it is submitted, BPF_RINGBUF_DISCARD_BIT when it was given
// up.
//
// One thread. Knows no libbpf: any mappable file of this layout will do.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "agent/base/result.h"
#include "bpf/events.h"

namespace tracelet::source {

// The mapped memory of one ring.
class RingMemory {
 public:
  // `bytes` of data, a power of two and whole pages. Does not keep `fd`.
  static Result<RingMemory> Map(int fd, uint32_t bytes);
  RingMemory(RingMemory&& other) noexcept;
  RingMemory& operator=(RingMemory&&) = delete;
  ~RingMemory();

  [[nodiscard]] uint32_t bytes() const { return bytes_; }
  // The length word of the record at this position.
  [[nodiscard]] uint32_t LengthAt(uint64_t position) const;
  // Appends the first `size` bytes of what follows its header.
  void CopyPayload(uint64_t position, size_t size, std::vector<std::byte>& out) const;
  [[nodiscard]] uint64_t ProducerPosition() const;
  [[nodiscard]] uint64_t ConsumerPosition() const;
  void SetConsumerPosition(uint64_t position);

 private:
  RingMemory(void* consumer, const std::byte* producer, const std::byte* data, uint32_t bytes)
      : consumer_(consumer), producer_(producer), data_(data), bytes_(bytes) {}

  void* consumer_;             // one page, read and write
  const std::byte* producer_;  // one page and the data, read only
  const std::byte* data_;
  uint32_t bytes_;
};

class RingReader {
 public:
  using Deliver = std::function<void(const event_header&)>;

  explicit RingReader(std::vector<RingMemory> rings);

  // Delivers everything stamped <= `now_ns`, which must have been read from
  // CLOCK_MONOTONIC just before, and returns that time. Nothing is delivered and
  // nullopt returned when a record is still being written after about a
  // millisecond (its CPU was taken away): the next call goes on with the same round.
  std::optional<uint64_t> Round(uint64_t now_ns, const Deliver& deliver);

  [[nodiscard]] bool empty() const { return entries_.empty(); }    // nothing waits for the next round
  [[nodiscard]] uint64_t consumed() const { return consumed_; }    // records taken, malformed included
  [[nodiscard]] uint64_t malformed() const { return malformed_; }  // of these, not delivered
  // Delivered although an earlier round had said that there is nothing older. The
  // kernel's NMI-safe clock may step back by nanoseconds (ktime_get_mono_fast_ns).
  [[nodiscard]] uint64_t late() const { return late_; }

 private:
  struct Ring {
    RingMemory memory;
    uint64_t position;  // of the next record to take
    uint64_t limit;     // of this round
  };
  using Entry = std::pair<uint64_t, size_t>;  // time stamp, offset in arena_

  bool Drain(Ring& ring);
  void Keep(const RingMemory& memory, uint64_t position, size_t size);
  void DeliverUpTo(uint64_t time_ns, const Deliver& deliver);

  std::vector<Ring> rings_;
  std::vector<std::byte> arena_;  // copied records, each aligned to 8
  std::vector<std::byte> spare_;
  std::vector<Entry> entries_;
  uint64_t round_ns_ = 0;
  bool round_open_ = false;
  uint64_t watermark_ns_ = 0;
  uint64_t consumed_ = 0;
  uint64_t malformed_ = 0;
  uint64_t late_ = 0;
};

}  // namespace tracelet::source
