// Plays both directions of one HTTP/2 connection into a parser; keeps what comes out.
#pragma once

#include <string>
#include <vector>

#include "agent/protocol/http2/frame.h"
#include "agent/protocol/http2/parser.h"
#include "tests/support/http2_frames.h"

namespace tracelet::protocol::http2 {

using conn::Direction;
using tracelet::testing::CallFields;
using tracelet::testing::Fields;
using tracelet::testing::GetFields;
using tracelet::testing::GrpcMessage;
using tracelet::testing::Http2Frame;

class Wire : public ExchangeSink {
 public:
  explicit Wire(ParserOptions options = {.requests = Direction::kReceive}) : parser(*this, options) {}

  void OnRequest(Direction, const Exchange& exchange) override { requests.push_back(exchange); }
  void OnOpenEndedResponse(Direction, const Exchange&) override {}
  void OnExchange(Direction, Exchange&& exchange) override { exchanges.push_back(std::move(exchange)); }
  void OnUnfollowed() override { ++unfollowed; }

  // One system call, as the programs report it: of DATA the first 16 bytes are captured.
  void Move(Direction direction, std::string_view bytes);
  // One event with exactly this.
  bool Event(Direction direction, std::string_view bytes, size_t captured = std::string_view::npos, bool frame = false);
  // Events that never came.
  void Lose(Direction direction, std::string_view bytes) {
    parser.OnGap(direction, next[static_cast<size_t>(direction)] += bytes.size());
  }
  // Of a server.
  void Request(std::string_view bytes) { Move(Direction::kReceive, bytes); }
  void Response(std::string_view bytes) { Move(Direction::kSend, bytes); }
  void Receive(std::string_view bytes) { Move(Direction::kReceive, bytes); }
  // Preface and settings of both sides.
  void Open();

  Parser parser;
  testing::Http2Encoder client;
  testing::Http2Encoder server;
  std::vector<Exchange> requests;
  std::vector<Exchange> exchanges;
  int unfollowed = 0;
  uint64_t now = 1'000'000'000;
  uint64_t next[2] = {};
};

inline bool Wire::Event(Direction direction, std::string_view bytes, size_t captured, bool frame) {
  uint64_t& at = next[static_cast<size_t>(direction)];
  conn::Operation operation;
  operation.time_ns = now += 1'000;
  const conn::Chunk chunk{at, static_cast<uint32_t>(bytes.size()), bytes.substr(0, captured), operation, frame};
  at += bytes.size();
  return parser.OnChunk(direction, chunk);
}

// Whole frames in, events out: each begins with a frame and ends with what is not captured of its last one.
inline void Wire::Move(Direction direction, std::string_view bytes) {
  constexpr size_t kCapturedOfData = 16;
  size_t begin = 0;
  size_t at = bytes.starts_with(kClientPreface) ? kClientPreface.size() : 0;
  while (at < bytes.size()) {
    const Frame frame = ParseFrameHeader(bytes.substr(at, kFrameHeader));
    at += kFrameHeader;
    const size_t wanted = frame.type == kData ? std::min<size_t>(frame.length, kCapturedOfData) : frame.length;
    if (wanted < frame.length) {
      const size_t captured = at + wanted - begin;
      Event(direction, bytes.substr(begin, at + frame.length - begin), captured, true);
      begin = at + frame.length;
    }
    at += frame.length;
  }
  if (begin < bytes.size()) Event(direction, bytes.substr(begin), std::string_view::npos, true);
}

inline void Wire::Open() {
  Request(std::string(kClientPreface) + testing::Http2Settings(3, 100));
  Response(testing::Http2Settings(1, 4096) + Http2Frame(kSettings, kAck, 0, {}));
  Request(Http2Frame(kSettings, kAck, 0, {}));
}

}  // namespace tracelet::protocol::http2
