// The head of an HTTP/1.x message (RFC 9112 §2–§6): start line and the few
// header fields that framing, spans and links need. Pure functions of bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/protocol/grpc/rpc.h"

namespace tracelet::protocol::http1 {

// How the end of a message's body is known (RFC 9112 §6.3).
enum class Framing : uint8_t {
  kNone,        // no body
  kLength,      // Content-Length
  kChunked,     // Transfer-Encoding ends with chunked
  kUntilClose,  // response without either
  kUnknown,     // contradictory or unreadable: ends where the next head begins
  kTunnel,      // not HTTP any more (101, CONNECT)
};

// Views into the text that was parsed, or into `scratch`.
struct Head {
  std::string_view method;  // requests
  std::string_view target;
  int status = 0;            // responses
  std::string_view version;  // "1.0", "1.1"; empty if cut off
  std::string_view host;
  std::string_view user_agent;
  // Header fields that carry a trace context, names in lower case.
  std::vector<std::pair<std::string, std::string>> propagation;
  Framing framing = Framing::kNone;
  uint64_t content_length = 0;             // kLength
  bool event_stream = false;               // text/event-stream: pauses are normal
  std::optional<grpc::System> rpc;         // gRPC-Web or Connect
  std::optional<int> grpc_status;          // gRPC-Web: without messages, the trailers are in the head
  std::optional<uint64_t> rpc_timeout_ns;  // grpc-timeout, connect-timeout-ms
};

// What a response's framing depends on besides its own head.
enum class RequestKind : uint8_t { kOther, kHead, kConnect };

// True while `bytes` can be the beginning of a request or of a status line.
bool CanBeRequest(std::string_view bytes);
bool CanBeResponse(std::string_view bytes);

// True if `bytes` begin with a status line that is not interim: 200 to 999.
bool IsFinalResponse(std::string_view bytes);
// True if `method` is one that needs no more proof than its name: RFC 9110 §9, PATCH.
bool IsCommonMethod(std::string_view method);

// Length of the head that `text` begins with, blank line included; 0: not yet
// complete. The search may begin at `from`, a position before which no line ended
// in a blank line. Lines end with CRLF or LF (§2.2).
size_t HeadLength(std::string_view text, size_t from = 0);

// `text` is a whole head, or with `truncated` its beginning. Nothing if it is not
// HTTP/1.x. `scratch` holds a copy where lines were folded (§5.2).
std::optional<Head> ParseRequestHead(std::string_view text, bool truncated, std::string& scratch);
std::optional<Head> ParseResponseHead(std::string_view text, bool truncated, RequestKind request, std::string& scratch);

}  // namespace tracelet::protocol::http1
