// HTTP/1.x on one connection (RFC 9112): finds the messages in both directions and
// pairs them by order. The kernel copies heads only, so most bodies pass unseen;
// what cannot be known from offsets and heads is reported as lost, never guessed.
//
// Each direction is in one of these places:
//
//   place      what the next byte is                      leaves it when
//   kBoundary  the first byte of a message                a byte comes
//   kHead      inside a head that is being collected      the blank line, or the cap
//   kBody      inside a body (Body knows its end or not)  its last byte, or see `doubt`
//   kHole      unknown: events were lost, or a head was   a request's head comes after a
//              not captured                               change of direction, see Rejoin()
//
// A head that is looked for where something else may be (`doubt`: in a body of
// unknown length, in a hole) is only believed when it parses; else the direction
// goes back to where it was.
//
// Pairing holds as long as both directions are without a hole. After one, responses
// still belong to the requests that were outstanding; a later request is paired
// again only if (1) nothing is outstanding, (2) as many final responses came since
// the hole as there were requests without an answer, or one where that number is not
// known, (3) the change of direction shows that the client waited, and (4) this client
// was never seen to pipeline. A request that breaks one of these is reported as lost;
// bytes next to a gap may be the rest of anything and are no request. What remains: a
// client that begins to pipeline inside the gap, or two events in a row stamped late
// right after it.
#pragma once

#include <string>
#include <vector>

#include "agent/protocol/http1/body.h"
#include "agent/protocol/http1/head.h"
#include "agent/protocol/protocol.h"

namespace tracelet::protocol::http1 {

class Parser final : public ConnectionParser {
 public:
  // `sink` outlives the parser.
  Parser(ExchangeSink& sink, const ParserOptions& options);

  bool OnChunk(conn::Direction direction, const conn::Chunk& chunk) override;
  void OnGap(conn::Direction direction, uint64_t next_offset) override;
  void OnEnd(conn::Direction direction, uint64_t time_ns) override;
  void OnClose(uint64_t time_ns, int error) override;
  void OnAbandon() override { LoseAll(); }
  void OnQuiet() override;
  [[nodiscard]] bool NotMine() const override { return not_mine_; }
  [[nodiscard]] bool Busy() const override { return !outstanding_.empty(); }
  [[nodiscard]] bool AwaitsQuiet() const override;
  void ForEachOpen(const std::function<void(const OpenExchange&)>& tell) const override;
  std::optional<Exchange> TakeUpgraded() override;

 private:
  enum class Place : uint8_t { kBoundary, kHead, kBody, kHole };

  struct Stream {
    Place place = Place::kBoundary;
    Place doubt = Place::kBoundary;  // where a head that is none leads back to; kBoundary: there is no doubt
    bool owned = false;              // the body in progress belongs to an outstanding exchange
    bool ended = false;
    bool turned = false;  // the head in progress began with a change of direction
    uint64_t next = 0;    // stream offset after the last byte
    std::string head;     // its pieces, when it comes in more than one
    Message message;      // the one whose head is in progress
    Body body;
  };

  struct Pending {
    Exchange exchange;
    RequestKind kind = RequestKind::kOther;
    bool receiving = true;  // the request's last byte was not seen
    bool answered = false;  // the response's last byte was
    bool lost = false;      // events were lost inside
    bool rejoined = false;  // the first after a hole
    bool tunnel = false;
  };

  struct Deferred {
    uint64_t offset;
    uint32_t length;
    std::string bytes;
    conn::Operation operation;
  };

  enum class HeadStatus : uint8_t { kMore, kComplete, kTruncated };
  struct HeadText {
    HeadStatus status = HeadStatus::kMore;
    std::string_view text;
    uint64_t taken = 0;  // bytes of the chunk
  };

  // parser.cc
  bool LearnDirections(conn::Direction direction, std::string_view bytes);
  HeadText ReadHead(Stream& stream, const conn::Chunk& chunk, uint64_t at) const;
  void Emit(Outcome outcome);  // the first outstanding exchange
  void LoseAll();
  [[nodiscard]] size_t Unanswered() const;
  void BeginRequestHole(bool lost);
  void BeginResponseHole(bool lost);
  Outcome EndOutcome(Pending& pending, bool responder_ended, int error);
  void EndAll(uint64_t time_ns, bool responder_ended, int error);
  static void FinishMessage(Message& message, const Body& body);
  static void Extend(Message& message, const conn::Operation& operation, uint64_t end);

  // requests.cc
  bool OnRequestBytes(const conn::Chunk& chunk);
  bool EnterHead(const conn::Chunk& chunk);
  bool AtRequestHead(const conn::Chunk& chunk, uint64_t& at);
  void AcceptRequest(const Head& head, bool truncated);
  bool Rejoin();
  void NotARequest();
  void FinishRequest();
  void HiddenRequest();

  // responses.cc
  bool OnResponseBytes(const conn::Chunk& chunk);
  void TakeResponseBody(const conn::Chunk& chunk, uint64_t& at);
  bool EnterUnknownBody(const conn::Chunk& chunk);
  bool AtResponseBoundary(const conn::Chunk& chunk, uint64_t at);
  bool AtResponseHead(const conn::Chunk& chunk, uint64_t& at);
  void AcceptResponse(const Head& head, bool truncated);
  void OrphanResponse(std::string_view bytes);
  void CountOrphan(std::string_view bytes);
  void NoteOverlap();
  void FinishResponse();
  void Defer(const conn::Chunk& chunk, uint64_t from);
  void ReplayDeferred();

  ExchangeSink& sink_;
  const ParserOptions options_;
  std::optional<conn::Direction> requests_direction_;
  Stream requests_;
  Stream responses_;
  std::vector<Pending> outstanding_;  // in order of requests; the first is the next to be answered
  // Responses read before the event of their request's write arrived.
  std::vector<Deferred> deferred_;
  std::optional<conn::Direction> last_direction_;
  bool turned_ = false;  // the current chunk changes direction
  bool proven_ = false;  // a head was understood
  bool not_mine_ = false;
  bool lost_ = false;  // events were lost since the last pairing
  // In a hole: final responses still to come for requests that went before; negative when a
  // client's answer was stamped before its request. Exact while `counted_`; else at most 1, the
  // answer to the last request.
  int owed_ = 0;
  bool counted_ = false;
  size_t unread_ = 0;               // what may have been requests in bodies of unknown length
  int unpaired_ = 0;                // requests in a row that could not be paired
  bool hidden_overlap_ = false;     // a request that was not captured came before an answer
  bool hidden_unanswered_ = false;  // and nothing has answered it
  bool pipelining_ = false;         // this client does not wait for answers
  bool swallowed_ = false;          // the beginning of a head may have been taken for a body
  bool event_stream_ = false;
  int overlaps_ = 0;               // exchanges in a row that could be pipelined
  int turns_ = 0;                  // while not proven
  uint64_t gap_end_ = UINT64_MAX;  // where the last gap in the requests ended
  uint64_t next_id_ = 1;
  std::string scratch_;
};

}  // namespace tracelet::protocol::http1
