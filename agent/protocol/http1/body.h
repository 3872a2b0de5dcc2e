// Where a message's body ends, by stream offset. Needs no captured byte where the
// length is known; reads chunked framing (RFC 9112 §7.1) as long as every byte of
// the framing is captured, and says so when it is not.
#pragma once

#include <cstdint>
#include <string_view>

#include "agent/protocol/http1/head.h"

namespace tracelet::protocol::http1 {

class Body {
 public:
  // A body that begins at `offset`.
  void Begin(const Head& head, uint64_t offset);
  void BeginUnknown();
  void BeginTunnel();

  // Takes what belongs to this body from the `length` bytes at `offset`, of which
  // the first `captured.size()` are known. Returns how many bytes it took: all,
  // unless the body ended before.
  uint64_t Take(uint64_t offset, uint64_t length, std::string_view captured);

  // True if the bytes up to `offset` can be missing without harm.
  bool SkipTo(uint64_t from, uint64_t offset);

  // Its last byte was taken.
  [[nodiscard]] bool done() const { return state_ == State::kDone; }
  // Its end cannot be told from the bytes: the next head or the close tells.
  [[nodiscard]] bool unknown() const { return state_ == State::kUnknown; }
  [[nodiscard]] bool until_close() const { return state_ == State::kUntilClose; }
  [[nodiscard]] bool tunnel() const { return state_ == State::kTunnel; }
  // Length of the content, chunk framing excluded; exact only once done() or closed.
  [[nodiscard]] uint64_t content() const { return content_; }
  [[nodiscard]] bool content_exact() const { return exact_; }

 private:
  enum class State : uint8_t {
    kDone,
    kLength,
    kUntilClose,
    kUnknown,
    kTunnel,
    // Chunked, in the order of the bytes:
    kSize,       // hexadecimal digits
    kExtension,  // the rest of the size line
    kData,       // `left_` bytes
    kDataEnd,    // the line end after them
    kTrailer,    // at the beginning of a line
    kTrailerLine,
  };

  void TakeFramingByte(char c);
  void EndSizeLine();

  State state_ = State::kDone;
  uint64_t end_ = 0;   // kLength: stream offset
  uint64_t left_ = 0;  // kSize: value so far; kData: bytes to come
  uint8_t digits_ = 0;
  bool carriage_ = false;  // the last framing byte was CR
  bool exact_ = true;
  uint64_t content_ = 0;
};

}  // namespace tracelet::protocol::http1
