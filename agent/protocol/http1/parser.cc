#include "agent/protocol/http1/parser.h"

#include <algorithm>

namespace tracelet::protocol::http1 {
namespace {

constexpr int kMaxTurns = 8;  // changes of direction without a head before giving up

}  // namespace

Parser::Parser(ExchangeSink& sink, const ParserOptions& options)
    : sink_(sink), options_(options), requests_direction_(options.requests) {
  if (options.joined == Joined::kStart) return;
  requests_.place = responses_.place = Place::kHole;
  turned_ = true;
  owed_ = options.joined == Joined::kIdle ? 0 : 1;
  lost_ = options.joined == Joined::kMiddle;
}

bool Parser::OnChunk(conn::Direction direction, const conn::Chunk& chunk) {
  if (last_direction_) turned_ = *last_direction_ != direction;
  last_direction_ = direction;
  if (!proven_ && turned_ && ++turns_ > kMaxTurns) not_mine_ = true;
  if (not_mine_ || (!requests_direction_ && !LearnDirections(direction, chunk.bytes))) return false;

  const bool request = direction == *requests_direction_;
  const bool used = request ? OnRequestBytes(chunk) : OnResponseBytes(chunk);
  (request ? requests_ : responses_).next = chunk.offset + chunk.length;
  return used;
}

// Who writes requests, where the role of this end is unknown.
bool Parser::LearnDirections(conn::Direction direction, std::string_view bytes) {
  const bool start = options_.joined == Joined::kStart;
  // "H" may begin HEAD as well as HTTP/1.1; a client speaks first.
  if (bytes.empty() || (bytes == "H" && !start)) {
    if (start) requests_.place = responses_.place = Place::kHole;
    return false;
  }
  const auto other = direction == conn::Direction::kSend ? conn::Direction::kReceive : conn::Direction::kSend;
  if (bytes.size() > 1 && CanBeResponse(bytes)) {
    requests_direction_ = other;
  } else if (CanBeRequest(bytes)) {
    requests_direction_ = direction;
  } else {
    not_mine_ = start;
    return false;
  }
  return true;
}

Parser::HeadText Parser::ReadHead(Stream& stream, const conn::Chunk& chunk, uint64_t at) const {
  const uint64_t skipped = at - chunk.offset;
  const std::string_view captured = chunk.bytes.substr(std::min<uint64_t>(skipped, chunk.bytes.size()));
  const uint64_t left = chunk.length - skipped;
  Message& message = stream.message;
  if (stream.place != Place::kHead) {
    stream.place = Place::kHead;
    stream.turned = turned_;
    stream.head.clear();
    message = Message{.begin = at, .first = chunk.operation, .started = true};
    message.blocking = chunk.operation.blocking;
  }

  HeadText result{.status = HeadStatus::kComplete, .text = captured, .taken = left};
  const size_t before = stream.head.size();
  size_t length = 0;
  if (before == 0) {
    length = HeadLength(captured);
  } else {
    stream.head.append(captured.substr(0, options_.max_head_bytes - std::min(before, options_.max_head_bytes)));
    result.text = stream.head;
    length = HeadLength(stream.head, before < 3 ? 0 : before - 3);
  }
  if (length > 0) {
    result.text = result.text.substr(0, length);
    result.taken = length - before;
  } else if (captured.size() < left || result.text.size() >= options_.max_head_bytes) {
    result.status = HeadStatus::kTruncated;
  } else {
    if (before == 0) stream.head = captured;
    result.status = HeadStatus::kMore;
    result.text = stream.head;
  }
  Extend(message, chunk.operation, at + result.taken);
  return result;
}

void Parser::Extend(Message& message, const conn::Operation& operation, uint64_t end) {
  message.one_thread &= operation.tid == message.first.tid && operation.thread_start == message.first.thread_start;
  message.blocking &= operation.blocking;
  message.last_byte_ns = operation.time_ns;
  message.end = end;
}

void Parser::FinishMessage(Message& message, const Body& body) {
  message.body_bytes = body.content();
  message.body_exact = body.content_exact() && (body.done() || body.until_close());
  message.complete = true;
}

void Parser::Emit(Outcome outcome) {
  Pending& pending = outstanding_.front();
  pending.exchange.outcome = outcome;
  if (pending.receiving && outstanding_.size() == 1) requests_.owned = false;
  sink_.OnExchange(*requests_direction_, std::move(pending.exchange));
  outstanding_.erase(outstanding_.begin());
}

void Parser::ForEachOpen(const std::function<void(const OpenExchange&)>& tell) const {
  for (const Pending& pending : outstanding_) tell({*requests_direction_, pending.exchange});
}

void Parser::LoseAll() {
  while (!outstanding_.empty()) Emit(outstanding_.front().tunnel ? Outcome::kUpgraded : Outcome::kLost);
  requests_.owned = responses_.owned = false;
}

size_t Parser::Unanswered() const {
  const bool first_answered = !outstanding_.empty() && (outstanding_.front().answered || responses_.owned);
  return outstanding_.size() - (first_answered ? 1 : 0);
}

// What is outstanding keeps its responses; nothing can be said of what follows.
void Parser::BeginRequestHole(bool lost) {
  requests_.place = Place::kHole;
  requests_.head.clear();
  if (requests_.owned) outstanding_.back().lost = true;
  requests_.owned = false;
  lost_ |= lost;
  counted_ = false;
  if (responses_.place != Place::kHole) owed_ = !deferred_.empty() && IsFinalResponse(deferred_.front().bytes) ? 0 : 1;
  owed_ = std::clamp(owed_, 0, 1);
  deferred_.clear();
}

void Parser::BeginResponseHole(bool lost) {
  lost_ |= lost;
  counted_ = !lost_ && requests_.place != Place::kHole;
  owed_ = counted_ ? static_cast<int>(Unanswered()) : 1;
  LoseAll();
  responses_.place = Place::kHole;
  responses_.head.clear();
  deferred_.clear();
  hidden_unanswered_ = false;
}

void Parser::OnGap(conn::Direction direction, uint64_t next_offset) {
  if (!requests_direction_) {
    requests_.place = responses_.place = Place::kHole;
    lost_ = true;
    return;
  }
  const bool request = direction == *requests_direction_;
  Stream& stream = request ? requests_ : responses_;
  const bool harmless = stream.place == Place::kBody && stream.body.SkipTo(stream.next, next_offset);
  if (harmless && stream.owned) {
    Exchange& exchange = (request ? outstanding_.back() : outstanding_.front()).exchange;
    (request ? exchange.request : exchange.response).end = next_offset;
  }
  stream.next = next_offset;
  if (request) gap_end_ = next_offset;
  if (stream.place == Place::kHole) {
    lost_ = true;
    counted_ = false;
    owed_ = request ? std::clamp(owed_, 0, 1) : 1;
  } else if (!harmless) {
    request ? BeginRequestHole(true) : BeginResponseHole(true);
  } else if (stream.body.done()) {
    // The last byte's time is what was lost.
    if (stream.owned) (request ? outstanding_.back() : outstanding_.front()).lost = true;
    request ? FinishRequest() : FinishResponse();
  }
}

// What became of an exchange that will not go on. Finishes its messages.
Outcome Parser::EndOutcome(Pending& pending, bool responder_ended, int error) {
  const bool first = &pending == &outstanding_.front();
  const bool owner = first && responses_.owned;
  if (pending.receiving && requests_.owned) pending.exchange.request.body_bytes = requests_.body.content();
  if (pending.tunnel) return Outcome::kUpgraded;
  if (owner && !pending.answered) pending.exchange.response.body_bytes = responses_.body.content();
  if (pending.lost || responses_.place == Place::kHole) return Outcome::kLost;
  if (pending.answered) return Outcome::kComplete;
  const bool ends_here = owner && (responses_.body.unknown() || (responses_.body.until_close() && responder_ended));
  if (ends_here && error == 0) {
    FinishMessage(pending.exchange.response, responses_.body);
    return Outcome::kComplete;
  }
  // Its response may have passed unseen, behind one whose end is not known.
  if (!owner && responses_.place == Place::kBody && responses_.body.unknown()) return Outcome::kLost;
  if (error != 0) return Outcome::kReset;
  if (requests_.ended || !responder_ended) return Outcome::kAborted;
  return owner || (first && responses_.place == Place::kHead) ? Outcome::kIncomplete : Outcome::kNoResponse;
}

void Parser::OnEnd(conn::Direction direction, uint64_t time_ns) {
  if (!requests_direction_) return;
  if (direction == *requests_direction_) {
    requests_.ended = true;
    if (!outstanding_.empty() && outstanding_.front().answered) Emit(EndOutcome(outstanding_.front(), false, 0));
  } else {
    responses_.ended = true;
    if (!outstanding_.empty() && outstanding_.front().tunnel && !requests_.ended) return;
    EndAll(time_ns, true, 0);
  }
}

void Parser::OnClose(uint64_t time_ns, int error) {
  // A close that neither end announced is this end's own.
  const bool server = requests_direction_ == conn::Direction::kReceive;
  EndAll(time_ns, responses_.ended || (server && !requests_.ended), error);
}

void Parser::EndAll(uint64_t time_ns, bool responder_ended, int error) {
  // Answers that arrived before their request's event, which never came, are of no use.
  deferred_.clear();
  std::vector<Outcome> outcomes;
  for (Pending& pending : outstanding_) {
    outcomes.push_back(EndOutcome(pending, responder_ended, error));
    if (outcomes.back() != Outcome::kComplete && outcomes.back() != Outcome::kLost) pending.exchange.ended_ns = time_ns;
  }
  for (Outcome outcome : outcomes) Emit(outcome);
  requests_.owned = responses_.owned = false;
}

bool Parser::AwaitsQuiet() const {
  if (outstanding_.size() != 1) return false;
  return outstanding_.front().answered || (responses_.owned && responses_.body.unknown() && !event_stream_);
}

std::optional<Exchange> Parser::TakeUpgraded() {
  constexpr int kSwitchingProtocols = 101;
  if (outstanding_.empty() || !outstanding_.front().tunnel) return std::nullopt;
  if (outstanding_.front().exchange.status != kSwitchingProtocols) return std::nullopt;
  Exchange exchange = std::move(outstanding_.front().exchange);
  outstanding_.erase(outstanding_.begin());
  exchange.status = 0;
  exchange.response = Message{};
  return exchange;
}

void Parser::OnQuiet() {
  if (!AwaitsQuiet()) return;
  Pending& pending = outstanding_.front();
  if (!pending.answered) {
    FinishMessage(pending.exchange.response, responses_.body);
    pending.exchange.end_unseen = true;
  }
  Emit(pending.lost ? Outcome::kLost : Outcome::kComplete);
  requests_.owned = responses_.owned = false;
}

}  // namespace tracelet::protocol::http1
