// Counts the messages of one direction of a call: five bytes (compressed flag, length)
// before each (grpc/doc/PROTOCOL-HTTP2.md, Length-Prefixed-Message). Of each DATA frame
// only the beginning is captured, so a prefix may lie where nobody looks: from there on
// nothing is counted, and the count says that it is not exact.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "agent/protocol/grpc/rpc.h"

namespace tracelet::protocol::grpc {

class MessageCounter {
 public:
  void OnBytes(std::string_view bytes, uint64_t time_ns);
  void OnUnseen(uint64_t count, uint64_t time_ns);
  // Bytes are missing, nobody knows how many.
  void Lose() { messages_.exact = false; }

  [[nodiscard]] const Messages& messages() const { return messages_; }

 private:
  static constexpr size_t kPrefix = 5;

  void Finish(uint64_t time_ns);

  Messages messages_;
  std::array<uint8_t, kPrefix> prefix_ = {};
  size_t have_ = 0;
  uint64_t size_ = 0;  // of the message in progress
  uint64_t left_ = 0;
};

}  // namespace tracelet::protocol::grpc
