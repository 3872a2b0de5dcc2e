// Frames of HTTP/2 (RFC 9113 §4, §6) out of one direction's chunks, which may cut them
// anywhere and of which only some bytes are captured. Pulled: Begin() with a chunk, then
// Next() until kNothing. Views are valid until the next Begin().
//
//   place      what the next byte is                    leaves it when
//   kPreface   the client's 24 bytes                    they have come
//   kHeader    of a frame header's nine bytes           all have come
//   kPayload   of the frame                             its length has passed
//   kHole      unknown: events were lost, or a header   a chunk comes that begins with
//              was not captured                         a frame (Chunk::frame)
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "agent/conn/operation.h"

namespace tracelet::protocol::http2 {

inline constexpr std::string_view kClientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";  // RFC 9113 §3.4
inline constexpr size_t kFrameHeader = 9;

enum FrameType : uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kRstStream = 3,
  kSettings = 4,
  kPushPromise = 5,
  kPing = 6,
  kGoaway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
};

enum FrameFlags : uint8_t {
  kEndStream = 0x1,  // DATA, HEADERS
  kAck = 0x1,        // SETTINGS, PING
  kEndHeaders = 0x4,
  kPadded = 0x8,
  kHasPriority = 0x20,
};

struct Frame {
  uint32_t length = 0;  // of the payload
  uint8_t type = 0;
  uint8_t flags = 0;
  uint32_t stream_id = 0;
  uint64_t begin = 0;  // stream offset of the first byte of its header
};
Frame ParseFrameHeader(std::string_view nine_bytes);
// These bytes can be the beginning of a connection: of the preface, or of a server's first frame.
bool CanBeginConnection(std::string_view bytes);

class FrameReader {
 public:
  enum class What : uint8_t {
    kNothing,   // the chunk is used up
    kPreface,   // it is complete
    kFrame,     // a frame's header is complete: frame()
    kPayload,   // `bytes` of its payload
    kUnseen,    // `count` bytes of it that were not captured
    kEnd,       // its last byte has passed
    kLost,      // the position is unknown from here; what was in progress is broken off
    kNotHttp2,  // where the preface must be is something else
  };
  struct Step {
    What what = What::kNothing;
    std::string_view bytes = {};
    uint64_t count = 0;
  };

  void ExpectPreface() { place_ = Place::kPreface; }
  // The next byte is anything; wait for a chunk that begins with a frame.
  void BeginHole() { place_ = Place::kHole; }
  [[nodiscard]] bool InHole() const { return place_ == Place::kHole; }

  // `chunk` outlives the calls of Next() for it.
  void Begin(const conn::Chunk& chunk);
  Step Next();
  // Bytes up to `next_offset` were lost. kUnseen if they belong to a DATA frame's payload, else kLost;
  // after kUnseen, Next() tells whether the frame is over.
  Step Gap(uint64_t next_offset);

  [[nodiscard]] const Frame& frame() const { return frame_; }
  // Moved the first byte of frame().
  [[nodiscard]] const conn::Operation& first() const { return first_; }
  // Stream offset of the next byte.
  [[nodiscard]] uint64_t at() const { return at_; }

 private:
  enum class Place : uint8_t { kPreface, kHeader, kPayload, kHole };

  std::string_view Take(size_t count);
  Step Lose();
  Step InPreface();
  Step InHeader();
  Step InPayload();

  Place place_ = Place::kHeader;
  std::array<char, kFrameHeader> header_ = {};
  size_t have_ = 0;  // bytes of the preface or of a header
  uint64_t payload_left_ = 0;
  Frame frame_;
  conn::Operation first_;

  const conn::Operation* operation_ = nullptr;
  uint64_t at_ = 0;
  uint64_t left_ = 0;  // of the chunk
  std::string_view captured_;
  bool out_of_step_ = false;  // the chunk begins with a frame where none is expected
};

}  // namespace tracelet::protocol::http2
