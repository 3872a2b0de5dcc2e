// What header blocks, DATA and resets mean for the streams.
#include <algorithm>

#include "agent/protocol/http2/parser.h"

namespace tracelet::protocol::http2 {
namespace {

constexpr uint64_t kDoubtNs = 1'000'000'000;  // without a frame, after which a doubtful stream is over
constexpr int kFirstFinalStatus = 200;

bool IsClients(uint32_t id) { return id % 2 == 1; }  // RFC 9113 §5.1.1

}  // namespace

// Only requests have :method and its like, only responses :status.
bool Parser::LearnFromBlock(Side& side, const Headers& headers) {
  if (headers.of_request == headers.of_response) return requests_.has_value();
  const auto direction = static_cast<conn::Direction>(&side - &sides_[0]);
  if (!requests_) {
    const auto other = direction == conn::Direction::kSend ? conn::Direction::kReceive : conn::Direction::kSend;
    requests_ = headers.of_request ? direction : other;
  }
  if (IsRequests(side) != headers.of_request) {
    Broken(side);
    return false;
  }
  proven_ |= !headers.damaged;
  return true;
}

void Parser::OnBlock(Side& side) {
  Headers& headers = side.decoder.headers();
  if (headers.damaged && !proven_ && options_.joined != Joined::kStart) Broken(side);
  if (side.reader.InHole()) return;
  if (side.block_pushed) return OnPromise(side, headers);
  const uint32_t id = side.block_stream;
  if (!IsClients(id)) {
    if (!streams_.contains(id) || IsRequests(side)) return;  // its promise was not seen
    OnResponseBlock(side, headers);
  } else {
    if (!LearnFromBlock(side, headers)) return;
    IsRequests(side) ? OnRequestBlock(side, headers) : OnResponseBlock(side, headers);
  }
  if (side.block_ends_stream) OnStreamEnd(side, id);
}

Parser::Streams::iterator Parser::Open(uint32_t id) {
  if (streams_.size() >= options_.max_streams) {
    EndDoubtful(operation_->time_ns - std::min(operation_->time_ns, kDoubtNs));
    if (streams_.size() >= options_.max_streams) return streams_.end();
  }
  const auto stream = streams_.try_emplace(id).first;
  stream->second.last_ns = operation_->time_ns;
  return stream;
}

void Parser::OnRequestBlock(Side& side, Headers& headers) {
  const uint32_t id = side.block_stream;
  auto found = streams_.find(id);
  if (found != streams_.end() && found->second.asked) {  // trailers
    return Touch(found->second.exchange.request, found->second, side.reader.at());
  }
  if (headers.of_request && id <= highest_id_) return Broken(side);  // they only grow (§5.1.1)
  const bool known_new = ids_followed_ && id > highest_id_;
  if (!headers.of_request && !known_new && found == streams_.end()) return;  // trailers of an older stream
  highest_id_ = std::max(highest_id_, id);
  if (headers.of_request) ids_followed_ = true;
  if (found == streams_.end()) found = Open(id);
  if (found == streams_.end()) return sink_.OnUnfollowed();

  Ask(side, found->second, id, headers);
  MaybeFinish(found);
}

// A server's word for a request that it answers unasked. The client may still refuse it, by a reset.
void Parser::OnPromise(Side& side, Headers& headers) {
  const uint32_t id = side.block_promised;
  if (!requests_ || IsRequests(side) || IsClients(id) || id <= highest_promised_) return;
  highest_promised_ = id;
  const auto with = streams_.find(side.block_stream);
  const uint64_t with_id = with != streams_.end() && with->second.asked ? with->second.exchange.id : 0;
  const auto found = Open(id);
  if (found == streams_.end()) return sink_.OnUnfollowed();
  Stream& stream = found->second;
  stream.exchange.pushed = true;
  stream.exchange.pushed_with = with_id;
  stream.request_ended = true;
  Ask(side, stream, id, headers);
}

void Parser::Ask(Side& side, Stream& stream, uint32_t id, Headers& headers) {
  Message& request = stream.exchange.request;
  request = Message{.begin = side.block_begin, .first = side.block_first, .started = true};
  // Whoever moves the bytes of one stream moves those of others: no thread is a request's own.
  request.one_thread = request.blocking = false;
  Touch(request, stream, side.reader.at());
  stream.exchange.stream_id = id;
  stream.exchange.id = next_id_++;
  stream.OnRequestHead(headers);
  stream.asked = true;
  stream.progress_due_ns = request.first.time_ns + options_.progress_ns;
  ++asked_;
  sink_.OnRequest(*requests_, stream.exchange);
}

void Parser::OnResponseBlock(Side& side, Headers& headers) {
  auto found = streams_.find(side.block_stream);
  if (found == streams_.end()) {
    // Its request is over, or was never seen, or its event comes later.
    if (side.block_stream <= highest_id_ && ids_followed_) return;
    found = Open(side.block_stream);
    if (found == streams_.end()) return;
    doubtful_ = true;
  }
  Stream& stream = found->second;
  Message& response = stream.exchange.response;
  if (headers.of_response && headers.status < kFirstFinalStatus) return;  // interim: another follows
  // A head whose status is not known may have been an interim one: then another follows.
  const bool again = response.started && stream.unknown.status && (headers.of_response || !side.block_ends_stream);
  if (response.started && !again) {
    stream.OnTrailers(headers);
    return Touch(response, stream, side.reader.at());
  }
  stream.unseen = false;
  if (!headers.of_response) stream.LoseBytes();  // it may have begun earlier
  response = Message{.begin = side.block_begin, .first = side.block_first, .started = true};
  response.one_thread = response.blocking = false;
  Touch(response, stream, side.reader.at());
  stream.OnResponseHead(headers);
}

void Parser::Touch(Message& message, Stream& stream, uint64_t end) {
  message.end = end;
  message.last_byte_ns = std::max(message.last_byte_ns, operation_->time_ns);
  stream.last_ns = std::max(stream.last_ns, operation_->time_ns);
}

void Parser::OnData(Side& side, std::string_view bytes, uint64_t unseen) {
  const auto found = streams_.find(side.reader.frame().stream_id);
  if (found == streams_.end() || !requests_) return;
  Stream& stream = found->second;
  const bool request = IsRequests(side);
  Message& message = request ? stream.exchange.request : stream.exchange.response;
  message.body_bytes += bytes.size() + unseen;
  if (!message.started) stream.LoseBytes();
  Touch(message, stream, side.reader.at());
  if (!stream.exchange.rpc && !stream.rpc_possible && stream.asked) return;
  stream.NoteProgress(operation_->time_ns);
  grpc::MessageCounter& counter = request ? stream.sent : stream.received;
  counter.OnBytes(bytes, operation_->time_ns);
  counter.OnUnseen(unseen, operation_->time_ns);
}

void Parser::OnStreamEnd(Side& side, uint32_t id) {
  const auto found = streams_.find(id);
  if (found == streams_.end() || !requests_) return;
  Stream& stream = found->second;
  const bool request = IsRequests(side);
  (request ? stream.request_ended : stream.response_ended) = true;
  Touch(request ? stream.exchange.request : stream.exchange.response, stream, side.reader.at());
  if (!request && !stream.request_ended) doubtful_ = true;
  MaybeFinish(found);
}

void Parser::OnReset(Side& side, uint32_t id, uint32_t code) {
  if (!requests_) return;
  auto found = streams_.find(id);
  const bool by_client = IsRequests(side);
  if (found == streams_.end()) {
    // A server that resets what it was asked in an event that is yet to come.
    if (by_client || !IsClients(id) || id <= highest_id_) return;
    found = Open(id);
    if (found == streams_.end()) return;
    doubtful_ = true;
  }
  Stream& stream = found->second;
  stream.last_ns = operation_->time_ns;
  if (!stream.reset) stream.reset = Reset{.by_client = by_client, .code = code, .time_ns = operation_->time_ns};
  MaybeFinish(found);
}

// Streams above the last one were not looked at, and never will be (§6.8).
void Parser::OnGoaway(Side& side, uint32_t last_id) {
  if (!requests_ || IsRequests(side)) return;
  for (auto it = streams_.upper_bound(last_id); it != streams_.end();) {
    if (!IsClients(it->first) || !it->second.asked || it->second.exchange.response.started) {
      ++it;
      continue;
    }
    it->second.exchange.ended_ns = operation_->time_ns;
    it = Finish(it, Outcome::kNoResponse);
  }
}

void Parser::MaybeFinish(Streams::iterator stream) {
  const Stream& one = stream->second;
  if (!one.asked) return;
  if (one.reset) {
    stream->second.exchange.ended_ns = one.response_ended ? 0 : one.reset->time_ns;
    Finish(stream, Outcome::kReset);
  } else if (one.request_ended && one.response_ended) {
    Finish(stream, Outcome::kComplete);
  }
}

Parser::Streams::iterator Parser::Finish(Streams::iterator stream, Outcome rest) {
  Stream ended = std::move(stream->second);
  const auto next = streams_.erase(stream);
  if (!ended.asked) return next;
  --asked_;
  ended.Close(rest);
  sink_.OnExchange(*requests_, std::move(ended.exchange));
  return next;
}

void Parser::ForEachOpen(const std::function<void(const OpenExchange&)>& tell) const {
  for (const auto& [id, stream] : streams_) {
    if (!stream.asked) continue;
    const bool rpc = stream.exchange.rpc != nullptr;
    tell({*requests_, stream.exchange, rpc ? &stream.sent.messages() : nullptr,
          rpc ? &stream.received.messages() : nullptr});
  }
}

void Parser::Sweep(uint64_t now_ns) {
  if (!doubtful_ || now_ns < sweep_ns_) return;
  sweep_ns_ = now_ns + kDoubtNs / 2;
  EndDoubtful(now_ns - std::min(now_ns, kDoubtNs));
}

// Of the streams whose end, or whose request, may have been missed, those without a frame since then.
void Parser::EndDoubtful(uint64_t before_ns) {
  doubtful_ = false;
  for (auto it = streams_.begin(); it != streams_.end();) {
    const Stream& stream = it->second;
    const bool doubt = stream.lost || stream.unseen || stream.response_ended || !stream.asked;
    if (doubt && stream.last_ns <= before_ns) {
      it = Finish(it, Outcome::kLost);
      continue;
    }
    doubtful_ |= doubt;
    ++it;
  }
}

}  // namespace tracelet::protocol::http2
