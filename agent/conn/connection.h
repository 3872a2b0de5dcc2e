// What is known of one end of one connection, and where its exchanges go.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "agent/conn/go_cause.h"
#include "agent/conn/loop_causes.h"
#include "agent/conn/operation.h"
#include "agent/conn/record_positions.h"
#include "agent/protocol/protocol.h"
#include "bpf/events.h"

namespace tracelet::conn {

// Who talks to whom, as text. Shared by all that is kept of the connection's requests.
struct Endpoints {
  bool unix_socket = false;
  bool encrypted = false;  // by TLS; what is told of it is its plaintext
  uint16_t local_port = 0;
  uint16_t remote_port = 0;
  std::string local_address;  // empty for Unix sockets
  std::string remote_address;
  std::string unix_path;  // of the listening side; '@' instead of NUL if abstract
};

// Plain data; lives as long as the connection is in the table.
struct ConnectionInfo {
  uint64_t number = 0;  // ConnTracker's, never reused
  conn_id id = {};
  uint32_t flags = 0;  // CONN_* of bpf/events.h
  uint16_t family = 0;
  uint8_t role = ROLE_UNKNOWN;
  bool events_lost = false;  // so far
  // Bytes were seen twice or out of order: two threads write at once. Offsets name
  // nothing until an exchange that began later is complete.
  bool offsets_doubtful = false;
  std::shared_ptr<const Endpoints> endpoints;  // never null in the table
  uint32_t peer_inode = 0;                     // Unix, 0 unknown
  uint32_t accept_tid = 0;                     // of the thread that accepted it, where that was seen
  uint32_t accept_waits = 0;
  std::shared_ptr<RecordPositions> records;  // null: not encrypted
  LoopCause cause;                           // of what was sent since the last byte was received
  GoCause go_cause;                          // of the last operation

  [[nodiscard]] bool adopted() const { return (flags & CONN_ADOPTED) != 0; }
  [[nodiscard]] bool is_unix() const { return family == 1; }  // AF_UNIX
};

// protocol::ExchangeSink with the connection named. Capture thread.
class ConnectionSink {
 public:
  virtual ~ConnectionSink() = default;
  virtual void OnRequest(const ConnectionInfo& connection, Direction direction, const protocol::Exchange& exchange) = 0;
  virtual void OnOpenEndedResponse(const ConnectionInfo& connection, const protocol::Exchange& exchange) = 0;
  virtual void OnExchange(const ConnectionInfo& connection, Direction direction, protocol::Exchange&& exchange) = 0;
};

}  // namespace tracelet::conn
