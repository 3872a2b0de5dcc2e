// One direction of one connection: does this stretch of bytes follow the last one?
#pragma once

#include <algorithm>
#include <cstdint>

namespace tracelet::conn {

class ByteStream {
 public:
  enum class Verdict : uint8_t {
    kFollows,
    kGap,      // bytes before it were lost or never seen
    kOverlap,  // some were there before: two writers at once, or a duplicate
  };

  // `next`: stream offset after the last byte seen.
  [[nodiscard]] uint64_t next() const { return next_; }
  [[nodiscard]] bool started() const { return started_; }
  // For a connection that is older than the agent: begins wherever the first byte is.
  void StartAnywhere() { anywhere_ = true; }

  Verdict Accept(uint64_t offset, uint32_t length) {
    const bool first = !started_;
    started_ = true;
    if (first && anywhere_) next_ = offset;
    const Verdict verdict = offset == next_ ? Verdict::kFollows : offset > next_ ? Verdict::kGap : Verdict::kOverlap;
    next_ = std::max(next_, offset + length);
    return verdict;
  }

  // True if bytes up to `end` have gone that were never seen here.
  bool EndsAt(uint64_t end) {
    if (end <= next_ || (anywhere_ && !started_)) return false;
    next_ = end;
    return true;
  }

 private:
  uint64_t next_ = 0;
  bool started_ = false;
  bool anywhere_ = false;
};

}  // namespace tracelet::conn
