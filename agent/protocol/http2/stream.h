// One stream of an HTTP/2 connection: the exchange it carries, while it is open.
#pragma once

#include <cstdint>
#include <optional>

#include "agent/protocol/grpc/message_counter.h"
#include "agent/protocol/http2/header_decoder.h"
#include "agent/protocol/protocol.h"

namespace tracelet::protocol::http2 {

// RST_STREAM.
struct Reset {
  bool by_client = false;
  uint32_t code = 0;
  uint64_t time_ns = 0;
};

// Fields that are not known because the table was not.
struct Unknown {
  bool method = false;
  bool path = false;
  bool request_fields = false;
  bool status = false;
  bool response_fields = false;
};

struct Stream {
  Exchange exchange;
  bool asked = false;           // the request's head was seen, and told
  bool request_ended = false;   // END_STREAM
  bool response_ended = false;  // END_STREAM
  bool lost = false;            // events were lost while it was open: its end may be among them
  bool unseen = false;          // its response may have gone by before responses were understood
  bool exact = true;            // every byte of DATA was accounted for
  bool rpc_possible = false;    // the content type is not known
  std::optional<Reset> reset;
  Unknown unknown;
  grpc::MessageCounter sent;
  grpc::MessageCounter received;
  uint64_t last_ns = 0;  // of the last frame
  uint64_t progress_due_ns = UINT64_MAX;

  void OnRequestHead(Headers& headers);
  void OnResponseHead(Headers& headers);
  void OnTrailers(const Headers& headers);
  void Lose();
  void LoseBytes();
  // Before what moves at that time is counted: if a call's progress has become due, it is what was counted until now.
  void NoteProgress(uint64_t now_ns) {
    if (now_ns >= progress_due_ns && exchange.rpc) AddProgress(now_ns);
  }
  // Outcome, counts and what is unknown, for a stream that is over. `rest`: the outcome unless the
  // frames themselves say what it is.
  void Close(Outcome rest);

 private:
  void Recognise(const std::string& content_type);
  void AddProgress(uint64_t now_ns);
  void CloseRpc();
};

}  // namespace tracelet::protocol::http2
