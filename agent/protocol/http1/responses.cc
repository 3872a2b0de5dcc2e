// The direction of responses.
#include <algorithm>

#include "agent/protocol/http1/parser.h"

namespace tracelet::protocol::http1 {
namespace {

constexpr int kMaxOverlaps = 2;
constexpr size_t kMaxDeferred = 16;
constexpr size_t kStatusLine = 12;  // "HTTP/1.1 200"

std::string_view CapturedFrom(const conn::Chunk& chunk, uint64_t at) {
  return chunk.bytes.substr(std::min<uint64_t>(at - chunk.offset, chunk.bytes.size()));
}

}  // namespace

bool Parser::OnResponseBytes(const conn::Chunk& chunk) {
  if (responses_.place == Place::kHole) {
    LoseAll();
    CountOrphan(chunk.bytes);
    hidden_unanswered_ = false;
    return false;
  }
  if (responses_.place == Place::kBody && responses_.body.unknown() && !EnterUnknownBody(chunk)) return false;
  const uint64_t end = chunk.offset + chunk.length;
  uint64_t at = chunk.offset;
  while (at < end) {
    switch (responses_.place) {
      case Place::kBody:
        TakeResponseBody(chunk, at);
        break;
      case Place::kBoundary:
        if (!AtResponseBoundary(chunk, at)) return responses_.place != Place::kHole;
        [[fallthrough]];
      case Place::kHead:
        if (!AtResponseHead(chunk, at)) return responses_.place != Place::kHole;
        break;
      case Place::kHole:
        return true;
    }
  }
  return true;
}

void Parser::TakeResponseBody(const conn::Chunk& chunk, uint64_t& at) {
  const bool end_known = !responses_.body.unknown();
  at += responses_.body.Take(at, chunk.offset + chunk.length - at, CapturedFrom(chunk, at));
  if (responses_.owned) {
    Exchange& exchange = outstanding_.front().exchange;
    Extend(exchange.response, chunk.operation, at);
    if (end_known && responses_.body.unknown()) sink_.OnOpenEndedResponse(*requests_direction_, exchange);
  }
  if (responses_.body.done()) FinishResponse();
}

// In a body of unknown length: the next response's head may begin with this chunk.
// False when it cannot be said whose bytes these are.
bool Parser::EnterUnknownBody(const conn::Chunk& chunk) {
  const size_t waiting = outstanding_.size() - (responses_.owned ? 1 : 0);
  if (waiting == 0) {
    if (responses_.owned && requests_.place != Place::kHole) {
      // A status line here is part of the body, or answers a request that is lost or late.
      if (chunk.bytes.empty() || !CanBeResponse(chunk.bytes)) return true;
      if (chunk.bytes.size() < kStatusLine) {
        swallowed_ = true;
        return true;
      }
    }
    OrphanResponse(chunk.bytes);
    return false;
  }
  if (waiting == 1 && turned_ && !pipelining_ && !chunk.bytes.empty() && CanBeResponse(chunk.bytes)) {
    responses_.doubt = Place::kBody;
    responses_.place = Place::kBoundary;
    return true;
  }
  const bool only_body = chunk.bytes.size() == chunk.length && chunk.bytes.find("HTTP/1.") == std::string_view::npos;
  if (only_body && !CanBeResponse(chunk.bytes)) return true;
  OrphanResponse(chunk.bytes);
  return false;
}

// False when what begins here is no response that can be paired.
bool Parser::AtResponseBoundary(const conn::Chunk& chunk, uint64_t at) {
  if (responses_.doubt == Place::kBody) return true;
  const bool waiting = !outstanding_.empty() && !outstanding_.front().answered;
  if (waiting && !CapturedFrom(chunk, at).empty()) return true;
  // A client's write can return, and be stamped, after another thread has read the answer.
  const bool client = requests_direction_ == conn::Direction::kSend;
  const bool request_may_come =
      requests_.place == Place::kBoundary || (requests_.place == Place::kHead && requests_.doubt == Place::kBoundary);
  if (client && outstanding_.empty() && request_may_come && deferred_.size() < kMaxDeferred) {
    Defer(chunk, at);
  } else {
    OrphanResponse(CapturedFrom(chunk, at));
  }
  return false;
}

// `bytes` begin a response that cannot be paired.
void Parser::OrphanResponse(std::string_view bytes) {
  BeginResponseHole(false);
  if (bytes.size() < kStatusLine || !CanBeResponse(bytes)) {
    counted_ = false;
    owed_ = std::max(owed_, 1);
  }
  CountOrphan(bytes);
}

void Parser::CountOrphan(std::string_view bytes) {
  if (IsFinalResponse(bytes) && (counted_ || owed_ > 0)) --owed_;
}

bool Parser::AtResponseHead(const conn::Chunk& chunk, uint64_t& at) {
  const HeadText read = ReadHead(responses_, chunk, at);
  if (read.status == HeadStatus::kMore && CanBeResponse(read.text)) {
    at = chunk.offset + chunk.length;
    return true;
  }
  const bool truncated = read.status == HeadStatus::kTruncated;
  const bool from_body = responses_.doubt == Place::kBody;
  const bool owner = from_body && responses_.owned;
  std::optional<Head> head;
  if (read.status != HeadStatus::kMore && outstanding_.size() > (owner ? 1U : 0U)) {
    head = ParseResponseHead(read.text, truncated, outstanding_[owner ? 1 : 0].kind, scratch_);
  }
  if (!head) {
    responses_.head.clear();
    responses_.doubt = Place::kBoundary;
    if (!proven_) not_mine_ = true;
    if (from_body) {
      responses_.place = Place::kBody;
      return true;
    }
    OrphanResponse({});
    return false;
  }
  at += read.taken;
  if (owner) FinishResponse();
  responses_.doubt = Place::kBoundary;
  AcceptResponse(*head, truncated);
  return responses_.place != Place::kHole;
}

void Parser::AcceptResponse(const Head& head, bool truncated) {
  proven_ = true;
  swallowed_ = false;
  Pending& pending = outstanding_.front();
  if (head.status < 200 && head.status != 101) {  // interim: the final one follows
    responses_.place = Place::kBoundary;
    return;
  }
  NoteOverlap();
  if (pending.rejoined && pipelining_) {
    // Whether this answers the first request after the hole can no longer be told.
    BeginResponseHole(false);
    return;
  }
  pending.exchange.status = head.status;
  if (pending.exchange.rpc) pending.exchange.rpc->status = head.grpc_status;
  pending.exchange.response = responses_.message;
  pending.exchange.head_truncated |= truncated;
  event_stream_ = head.event_stream;
  responses_.place = Place::kBody;
  responses_.owned = true;
  responses_.body.Begin(head, responses_.message.end);
  if (responses_.body.tunnel()) {
    // What was asked for behind it will not be answered in HTTP/1.
    pending.tunnel = true;
    FinishMessage(pending.exchange.request, requests_.body);
    pending.receiving = false;
    requests_.place = Place::kBody;
    requests_.owned = false;
    requests_.body.BeginTunnel();
  } else if (responses_.body.done()) {
    FinishResponse();
  } else if (responses_.body.unknown()) {
    sink_.OnOpenEndedResponse(*requests_direction_, pending.exchange);
  }
}

// A response begins while a later request is already there: the client pipelines, or
// the events of two threads of this server were stamped in the other order.
void Parser::NoteOverlap() {
  const bool hidden = std::exchange(hidden_overlap_, false);
  if (outstanding_.size() < 2 && !hidden) {
    overlaps_ = 0;
    return;
  }
  const bool client = requests_direction_ == conn::Direction::kSend;
  const bool same_thread =
      outstanding_.size() > 1 && outstanding_[1].exchange.request.first.tid == responses_.message.first.tid;
  if (client || same_thread || ++overlaps_ >= kMaxOverlaps) pipelining_ = true;
}

void Parser::FinishResponse() {
  responses_.place = Place::kBoundary;
  if (!std::exchange(responses_.owned, false)) return;
  Pending& pending = outstanding_.front();
  FinishMessage(pending.exchange.response, responses_.body);
  pending.answered = true;
  // An upload that goes on after its answer is waited for, if its end will be seen.
  if (pending.receiving && requests_.owned && !requests_.body.unknown()) return;
  Emit(pending.lost ? Outcome::kLost : Outcome::kComplete);
}

void Parser::Defer(const conn::Chunk& chunk, uint64_t from) {
  deferred_.push_back(Deferred{.offset = from,
                               .length = static_cast<uint32_t>(chunk.offset + chunk.length - from),
                               .bytes = std::string(CapturedFrom(chunk, from)),
                               .operation = chunk.operation});
}

void Parser::ReplayDeferred() {
  std::vector<Deferred> deferred;
  deferred.swap(deferred_);
  for (const Deferred& one : deferred) {
    OnResponseBytes(conn::Chunk{one.offset, one.length, one.bytes, one.operation});
  }
}

}  // namespace tracelet::protocol::http1
