// One system call that moved bytes on a connection, and the stretch of stream it
// moved: what ByteStream hands to the protocol parsers. Plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "agent/process/process_info.h"

namespace tracelet::conn {

enum class Direction : uint8_t { kReceive = 0, kSend = 1 };

// Who moved the bytes, when and how. This is all the evidence link rules get.
struct Operation {
  uint64_t time_ns = 0;  // CLOCK_MONOTONIC at the exit of the call, which may be after the peer's read
  process::ProcessKey process;
  uint32_t tid = 0;
  uint32_t thread_start = 0;  // with tid: one thread, see event_header.thread_start
  uint32_t waits = 0;         // event loop waits completed by this thread, see event_data.waits
  bool waits_known = false;   // false: the kernel's thread table was full
  bool thread_born = false;   // the thread's start was seen
  bool blocking = false;      // the thread slept in the call, not in a poll of several descriptors
  uint8_t evidence_type = 0;  // enum evidence_type
  // Events of this thread found lost so far (event_data.attempts): equal in two
  // operations of it means none was lost between them.
  uint32_t lost = 0;
  uint32_t attempts = 0;  // of its DATA events, see event_data.attempts
  uint32_t any_lost = 0;  // events of any thread found lost so far
  uint64_t evidence = 0;
  uint64_t evidence_parent = 0;
  // With EVIDENCE_HANDOVER: what `lost` was for the thread that gave the job when it did; empty: not known.
  std::optional<uint32_t> giver_lost = {};
};

// Bytes [offset, offset + length) of one direction; `bytes` is the captured beginning.
struct Chunk {
  uint64_t offset = 0;
  uint32_t length = 0;
  std::string_view bytes;
  const Operation& operation;
  bool frame = false;  // the programs say that an HTTP/2 frame begins with it
};

}  // namespace tracelet::conn
