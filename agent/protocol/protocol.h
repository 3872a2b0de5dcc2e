// The seam for protocols: a folder with a ConnectionParser and one line in
// registry.cc. Parsers are pure: bytes in, exchanges out; no I/O, no clock, no
// log. All calls come from the capture thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/conn/operation.h"
#include "agent/protocol/grpc/rpc.h"

namespace tracelet::protocol {

// A request or a response as a stretch of one direction's stream.
struct Message {
  uint64_t begin = 0;         // stream offset of the first byte
  uint64_t end = 0;           // one past the last byte seen so far
  uint64_t last_byte_ns = 0;  // exit of the operation that moved it
  conn::Operation first;      // the operation that moved the first byte
  bool one_thread = true;     // all operations so far were by first.tid
  bool blocking = true;       // and all of them slept in the call itself
  bool started = false;
  bool complete = false;    // the last byte was seen
  uint64_t body_bytes = 0;  // on the wire, chunk framing excluded
  bool body_exact = false;  // body_bytes is the whole body and nothing else
};

enum class Outcome : uint8_t {
  kComplete,
  kAborted,     // the requesting side closed before the response was complete
  kReset,       // RST, or another socket error
  kNoResponse,  // the responding side closed before the first byte of the response
  kIncomplete,  // the responding side closed in the middle of the response
  kUpgraded,    // 101 or CONNECT: ended with the connection
  kLost,        // events were lost: what is known is right, the rest is missing
};

// Request and response of an HTTP-shaped protocol. The same for HTTP/1 and HTTP/2.
struct Exchange {
  uint64_t id = 0;  // unique on this connection, in order of requests
  uint32_t stream_id = 0;
  Message request;
  Message response;
  Outcome outcome = Outcome::kComplete;

  std::string version;  // "1.0", "1.1", "2"
  std::string method;
  std::string target;  // as sent: origin, absolute, authority or asterisk form
  std::string host;    // Host or :authority
  std::string user_agent;
  int status = 0;  // 0: no final status seen
  // Only the propagation headers, names in lower case: traceparent, tracestate,
  // b3, x-b3-*, uber-trace-id. Never cookies or authorization.
  std::vector<std::pair<std::string, std::string>> propagation;
  bool head_truncated = false;  // head longer than what is captured
  bool resynchronised = false;  // first exchange after lost events
  uint64_t ended_ns = 0;        // the close that ended it, where that was no message's end; else 0
  bool end_unseen = false;      // the response's end is invisible; taken for over when it paused
  // What could not be decoded (HTTP/2, after lost events or on a connection older than the agent),
  // by name, with commas between: method, path, request_fields, status, response_fields.
  std::string unknown;
  // HTTP/2: nobody asked, the server promised it (RFC 9113 §8.4); `request` is the promise, in the direction of
  // responses.
  bool pushed = false;
  uint64_t pushed_with = 0;        // `id` of the exchange that it was promised with; 0: not known
  std::shared_ptr<grpc::Rpc> rpc;  // a remote procedure call; else null
};

// An exchange that goes on, as it is so far.
struct OpenExchange {
  conn::Direction direction;  // of the request
  const Exchange& exchange;
  const grpc::Messages* sent = nullptr;  // of a remote procedure call over HTTP/2; else null
  const grpc::Messages* received = nullptr;
};

class ExchangeSink {
 public:
  virtual ~ExchangeSink() = default;
  // The head of a request is known. `direction` is that of the request: kSend on the client's side.
  virtual void OnRequest(conn::Direction direction, const Exchange& exchange) = 0;
  // Its response has begun, and no byte will tell where it ends (a body whose framing is
  // not captured): it may be over at any time from now on, long before OnExchange says so.
  virtual void OnOpenEndedResponse(conn::Direction direction, const Exchange& exchange) = 0;
  // The exchange has ended, well or not; OnRequest came before, always.
  virtual void OnExchange(conn::Direction direction, Exchange&& exchange) = 0;
  // A request came that will not be told: more are open than are followed.
  virtual void OnUnfollowed() {}
};

// Reads one connection. Calls come in stream order per direction; between the
// directions order is that of the system calls' exits, which may show a response
// before the end of its request.
class ConnectionParser {
 public:
  virtual ~ConnectionParser() = default;

  // Follows the previous chunk of this direction without a hole, except after OnGap.
  // False when nothing could be made of it, because events were lost before it.
  virtual bool OnChunk(conn::Direction direction, const conn::Chunk& chunk) = 0;
  // Bytes up to `next_offset` were lost or never seen; the parser resynchronises.
  virtual void OnGap(conn::Direction direction, uint64_t next_offset) = 0;
  // This direction has ended (EOF read, FIN sent). `time_ns`: CLOCK_MONOTONIC.
  virtual void OnEnd(conn::Direction direction, uint64_t time_ns) = 0;
  // The connection is gone; `error` is an errno or 0. Flushes every open exchange.
  virtual void OnClose(uint64_t time_ns, int error) = 0;

  // The rest will not be seen although it may come: every open exchange is lost.
  virtual void OnAbandon() = 0;
  // Nothing moved for Http::quiet_end_ms although AwaitsQuiet().
  virtual void OnQuiet() = 0;

  // True once it is certain that this is not this parser's protocol.
  [[nodiscard]] virtual bool NotMine() const = 0;
  // An exchange is open.
  [[nodiscard]] virtual bool Busy() const = 0;
  // An exchange is open whose end cannot be seen and may have passed.
  [[nodiscard]] virtual bool AwaitsQuiet() const = 0;
  // For whoever wants to know what goes on.
  virtual void ForEachOpen(const std::function<void(const OpenExchange&)>& tell) const = 0;
  // The request that made the connection another protocol's, which will answer it. It was told by
  // OnRequest, and is not this parser's any more.
  virtual std::optional<Exchange> TakeUpgraded() { return std::nullopt; }
};

// What was on the connection before the first chunk that the parser gets.
enum class Joined : uint8_t {
  kStart,   // nothing: offset 0 is a boundary in both directions
  kIdle,    // unknown bytes, before the agent: the first chunk is the first thing seen
  kMiddle,  // bytes that are lost or were not understood, of the other direction last
};

struct ParserOptions {
  Joined joined = Joined::kStart;
  std::optional<conn::Direction> requests = {};  // the direction of requests, if known
  size_t max_head_bytes = 16'384;
  size_t max_outstanding = 128;
  size_t max_streams = 1'024;
  uint64_t progress_ns = 10'000'000'000;  // age at which a call begins to report progress
  // Was asked in another protocol and is answered in this one (h2c, RFC 7540 §3.2).
  std::optional<Exchange> upgraded = {};
};

// What a folder registers.
struct Protocol {
  std::string_view name;
  // True when these first bytes of a direction can be this protocol.
  bool (*looks_like)(std::string_view head);
  std::unique_ptr<ConnectionParser> (*make)(ExchangeSink& sink, const ParserOptions& options);
  bool framed = false;  // the programs walk its frames: conn::Chunk::frame
};

// All protocols, in the order in which they are asked. registry.cc lists them.
const std::vector<Protocol>& Registry();

}  // namespace tracelet::protocol
