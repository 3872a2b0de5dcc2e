// The direction of requests.
#include <algorithm>
#include <utility>

#include "agent/protocol/http1/parser.h"

namespace tracelet::protocol::http1 {
namespace {

constexpr int kMaxOverlaps = 2;
constexpr int kMaxUnpaired = 8;
constexpr int kUncountable = 1'000'000;
constexpr size_t kCheckedPrefix = 256;  // of a head that comes in pieces

std::string_view CapturedFrom(const conn::Chunk& chunk, uint64_t at) {
  return chunk.bytes.substr(std::min<uint64_t>(at - chunk.offset, chunk.bytes.size()));
}

}  // namespace

bool Parser::OnRequestBytes(const conn::Chunk& chunk) {
  if (!EnterHead(chunk)) return false;
  const uint64_t end = chunk.offset + chunk.length;
  uint64_t at = chunk.offset;
  bool used = false;
  while (at < end) {
    if (requests_.place == Place::kHole || not_mine_) return used;
    used = true;
    if (requests_.place == Place::kBody) {
      at += requests_.body.Take(at, end - at, CapturedFrom(chunk, at));
      if (requests_.owned) Extend(outstanding_.back().exchange.request, chunk.operation, at);
      if (requests_.body.done()) FinishRequest();
      if (requests_.owned && requests_.body.unknown() && outstanding_.back().answered) Emit(Outcome::kComplete);
    } else if (!AtRequestHead(chunk, at)) {
      return requests_.place != Place::kHole;
    }
  }
  return used;
}

// Where the position in the stream is unknown, a change of direction may show a head.
bool Parser::EnterHead(const conn::Chunk& chunk) {
  const bool hole = requests_.place == Place::kHole;
  if (!hole && !(requests_.place == Place::kBody && requests_.body.unknown())) return true;
  // The answer to a request with a body of unknown length comes after it, or at least has begun.
  const bool due = hole ? outstanding_.empty() && !pipelining_ : !requests_.owned || responses_.owned;
  // What follows lost bytes may be the rest of a message: only the next one is a proven beginning.
  const bool proven_begin = !hole || chunk.offset != gap_end_;
  if (turned_ && due && proven_begin && !chunk.bytes.empty() && CanBeRequest(chunk.bytes)) {
    requests_.doubt = requests_.place;
    requests_.place = Place::kBoundary;
    return true;
  }
  if (!hole && IsCommonMethod(chunk.bytes.substr(0, chunk.bytes.find(' '))) && CanBeRequest(chunk.bytes)) ++unread_;
  return !hole;
}

// False when the rest of the chunk is of no use.
bool Parser::AtRequestHead(const conn::Chunk& chunk, uint64_t& at) {
  const uint64_t end = chunk.offset + chunk.length;
  if (requests_.place == Place::kBoundary) {
    // Empty lines before a request are skipped (RFC 9112 §2.2).
    std::string_view captured = CapturedFrom(chunk, at);
    while (!captured.empty() && (captured.front() == '\r' || captured.front() == '\n')) {
      captured.remove_prefix(1);
      ++at;
    }
    if (at == end) return true;
    if (captured.empty()) {
      HiddenRequest();
      return false;
    }
  }
  const HeadText read = ReadHead(requests_, chunk, at);
  if (read.status == HeadStatus::kMore) {
    at = end;
    if (read.text.size() <= kCheckedPrefix && !CanBeRequest(read.text)) NotARequest();
    return true;
  }
  const bool truncated = read.status == HeadStatus::kTruncated;
  const auto head = ParseRequestHead(read.text, truncated, scratch_);
  const bool doubtful = requests_.doubt != Place::kBoundary;
  if (!head || (doubtful && !IsCommonMethod(head->method))) {
    NotARequest();
    at = end;
    return requests_.place != Place::kHole;
  }
  at += read.taken;
  AcceptRequest(*head, truncated);
  return true;
}

void Parser::NotARequest() {
  requests_.head.clear();
  if (requests_.doubt == Place::kBoundary) {
    // At a boundary there can be nothing but a request: garbage, or not HTTP at all.
    if (!proven_) not_mine_ = true;
    BeginRequestHole(false);
  } else {
    requests_.place = requests_.doubt;
    requests_.doubt = Place::kBoundary;
  }
}

// Bytes at a boundary that were not captured: any number of requests.
void Parser::HiddenRequest() {
  if (requests_.doubt != Place::kBoundary) return NotARequest();
  hidden_overlap_ = !outstanding_.empty();
  BeginRequestHole(false);
  hidden_unanswered_ = true;
}

// True if the request whose head was just read can be paired with what comes next.
bool Parser::Rejoin() {
  const bool hole = requests_.doubt == Place::kHole || responses_.place == Place::kHole;
  if (!hole) return true;
  if (outstanding_.empty() && requests_.turned && owed_ == 0 && !pipelining_) {
    responses_.place = Place::kBoundary;
    responses_.owned = false;
    unpaired_ = 0;
    return true;
  }
  // Nothing was lost, so this request really came before the answer to one that was not captured.
  const bool client = requests_direction_ == conn::Direction::kSend;
  if (hidden_unanswered_ && !lost_ && (client || ++overlaps_ >= kMaxOverlaps)) pipelining_ = true;
  responses_.place = Place::kHole;
  if (counted_) ++owed_;
  if (++unpaired_ >= kMaxUnpaired) {
    // What is stamped late does not stay late: the count was wrong.
    counted_ = false;
    owed_ = std::clamp(owed_, 0, 1);
  }
  return false;
}

void Parser::AcceptRequest(const Head& head, bool truncated) {
  proven_ = true;
  if (requests_.doubt == Place::kBody && requests_.owned) FinishRequest();
  const bool uncertain = std::exchange(swallowed_, false) || unread_ > 0;
  if (uncertain && responses_.place != Place::kHole) BeginResponseHole(false);
  // Bodies may have hidden requests, or only looked so: nobody can count the answers.
  if (std::exchange(unread_, 0) > 0) owed_ = kUncountable;
  const bool hole = requests_.doubt == Place::kHole || responses_.place == Place::kHole;
  const bool paired = Rejoin();
  requests_.doubt = Place::kBoundary;
  requests_.place = Place::kBody;
  requests_.body.Begin(head, requests_.message.end);
  requests_.owned = false;
  if (outstanding_.size() >= options_.max_outstanding) {
    pipelining_ = true;
    BeginRequestHole(false);
    return;
  }

  Pending& pending = outstanding_.emplace_back();
  Exchange& exchange = pending.exchange;
  exchange.id = next_id_++;
  exchange.request = requests_.message;
  exchange.version = head.version;
  exchange.method = head.method;
  exchange.target = head.target;
  exchange.host = head.host;
  exchange.user_agent = head.user_agent;
  exchange.propagation = head.propagation;
  if (head.rpc) {
    exchange.rpc = std::make_shared<grpc::Rpc>();
    exchange.rpc->system = *head.rpc;
    exchange.rpc->deadline_ns = head.rpc_timeout_ns;
  }
  exchange.head_truncated = truncated;
  exchange.resynchronised = hole && paired && lost_;
  pending.rejoined = hole && paired;
  if (paired) lost_ = false;
  pending.kind = head.method == "HEAD"      ? RequestKind::kHead
                 : head.method == "CONNECT" ? RequestKind::kConnect
                                            : RequestKind::kOther;
  requests_.owned = true;
  sink_.OnRequest(*requests_direction_, exchange);
  if (requests_.body.done()) FinishRequest();
  if (paired && !deferred_.empty()) ReplayDeferred();
}

void Parser::FinishRequest() {
  requests_.place = Place::kBoundary;
  if (!requests_.owned) return;
  requests_.owned = false;
  Pending& pending = outstanding_.back();
  FinishMessage(pending.exchange.request, requests_.body);
  pending.receiving = false;
  if (pending.answered) Emit(pending.lost ? Outcome::kLost : Outcome::kComplete);
}

}  // namespace tracelet::protocol::http1
