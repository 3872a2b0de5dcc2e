#include "agent/protocol/http2/parser.h"

#include <algorithm>

#include "agent/base/bytes.h"

namespace tracelet::protocol::http2 {
namespace {

constexpr int kMaxFailures = 8;                 // broken frames or blocks before a join in the middle gives up
constexpr size_t kPushFixed = 4;                // promised stream
constexpr size_t kPriorityFixed = 5;            // dependency, weight
constexpr size_t kResetFixed = 4;               // error code
constexpr size_t kGoawayFixed = 8;              // last stream, error code
constexpr uint32_t kLargestFrame = 0x00ffffff;  // what SETTINGS may allow; most leave it at 16,384

conn::Direction Other(conn::Direction direction) {
  return direction == conn::Direction::kSend ? conn::Direction::kReceive : conn::Direction::kSend;
}

size_t FixedSize(const Frame& frame) {
  const bool paddable = frame.type == kData || frame.type == kHeaders || frame.type == kPushPromise;
  size_t size = paddable && (frame.flags & kPadded) != 0 ? 1 : 0;
  if (frame.type == kHeaders && (frame.flags & kHasPriority) != 0) size += kPriorityFixed;
  if (frame.type == kPushPromise) size += kPushFixed;
  if (frame.type == kRstStream) size += kResetFixed;
  if (frame.type == kGoaway) size += kGoawayFixed;
  return size;
}

// What RFC 9113 §6 lets no frame do.
bool IsSound(const Frame& frame) {
  if (frame.length > kLargestFrame || frame.length < FixedSize(frame)) return false;
  switch (frame.type) {
    case kData:
    case kHeaders:
    case kPushPromise:
    case kContinuation:
    case kPriority:
      return frame.stream_id != 0;
    case kRstStream:
      return frame.stream_id != 0 && frame.length == kResetFixed;
    case kSettings:
      return frame.stream_id == 0 && frame.length % 6 == 0;
    case kPing:
      return frame.stream_id == 0 && frame.length == 8;
    case kGoaway:
      return frame.stream_id == 0;
    case kWindowUpdate:
      return frame.length == 4;
    default:
      return true;  // unknown types are ignored (§5.5)
  }
}

uint32_t Number(const char* bytes) { return ByteReader(std::string_view(bytes, 4)).BigEndian<uint32_t>().value_or(0); }

}  // namespace

Parser::Parser(ExchangeSink& sink, const ParserOptions& options)
    : sink_(sink), options_(options), requests_(options.requests) {
  if (options.joined != Joined::kStart) {
    for (Side& side : sides_) {
      side.reader.BeginHole();
      side.decoder.ForgetTable();
      side.blind = true;
    }
    ids_followed_ = false;
  } else if (requests_) {
    side(*requests_).reader.ExpectPreface();
  }
  if (!options.upgraded || !requests_) return;
  highest_id_ = 1;
  Stream& first = streams_[highest_id_];
  first.exchange = *options.upgraded;
  first.asked = first.request_ended = true;
  next_id_ = first.exchange.id + 1;
  asked_ = 1;
}

bool Parser::IsRequests(const Side& side) const { return &side == &sides_[static_cast<size_t>(*requests_)]; }

// The client's first bytes say who it is, and that no table has an entry yet.
void Parser::LearnFromBytes(conn::Direction direction, std::string_view bytes) {
  const bool preface = bytes.size() >= 3 && bytes.substr(0, 3) == kClientPreface.substr(0, 3);
  if (!requests_ && (preface || options_.joined == Joined::kStart)) {
    requests_ = preface ? direction : Other(direction);
    if (options_.joined == Joined::kStart) side(*requests_).reader.ExpectPreface();
  }
  if (!preface || proven_ || options_.joined == Joined::kStart || direction != requests_) return;
  Side& requests = side(direction);
  if (!requests.reader.InHole()) return;
  requests = Side{};
  requests.reader.ExpectPreface();
  ids_followed_ = true;
  side(Other(direction)).blind = false;
  if (!options_.upgraded) side(Other(direction)).decoder = HeaderDecoder{};
}

bool Parser::OnChunk(conn::Direction direction, const conn::Chunk& chunk) {
  if (not_mine_) return false;
  LearnFromBytes(direction, chunk.bytes);
  Side& side = this->side(direction);
  operation_ = &chunk.operation;
  NoteUnseen(side);
  side.reader.Begin(chunk);
  if (side.reader.InHole()) {
    side.reader.Next();
    return false;
  }
  while (!not_mine_) {
    const FrameReader::Step step = side.reader.Next();
    if (step.what == FrameReader::What::kNothing) break;
    Handle(side, step);
  }
  Sweep(chunk.operation.time_ns);
  return !side.reader.InHole();
}

void Parser::OnGap(conn::Direction direction, uint64_t next_offset) {
  Side& side = this->side(direction);
  const FrameReader::Step step = side.reader.Gap(next_offset);
  if (step.what == FrameReader::What::kLost) return LoseSide(side);
  const auto stream = streams_.find(side.reader.frame().stream_id);
  if (stream != streams_.end()) stream->second.LoseBytes();
  conn::Operation unseen;
  if (stream != streams_.end()) unseen.time_ns = stream->second.last_ns;
  operation_ = &unseen;
  Handle(side, step);
  static const conn::Operation kNoOperation;
  side.reader.Begin(conn::Chunk{next_offset, 0, {}, kNoOperation});
  const FrameReader::Step end = side.reader.Next();
  if (end.what == FrameReader::What::kEnd) Handle(side, end);
}

void Parser::Handle(Side& side, const FrameReader::Step& step) {
  switch (step.what) {
    case FrameReader::What::kFrame:
      return OnFrame(side);
    case FrameReader::What::kPayload:
      return OnPayload(side, step.bytes);
    case FrameReader::What::kUnseen:
      return OnUnseen(side, step.count);
    case FrameReader::What::kEnd:
      return OnFrameEnd(side);
    case FrameReader::What::kLost:
      return LoseSide(side);
    case FrameReader::What::kNotHttp2:
      not_mine_ = true;
      return;
    case FrameReader::What::kPreface:
    case FrameReader::What::kNothing:
      return;
  }
}

void Parser::OnFrame(Side& side) {
  const Frame& frame = side.reader.frame();
  const bool continues = frame.type == kContinuation;
  if (!IsSound(frame) || continues != side.in_block || (continues && frame.stream_id != side.block_stream)) {
    return Broken(side);
  }
  side.fixed_size = 0;
  side.fixed_want = FixedSize(frame);
  side.variable_left = frame.length - side.fixed_want;
  if (frame.type != kHeaders && frame.type != kPushPromise) return;
  side.in_block = true;
  side.block_pushed = frame.type == kPushPromise;
  side.block_ends_stream = frame.type == kHeaders && (frame.flags & kEndStream) != 0;
  side.block_stream = frame.stream_id;
  side.block_promised = 0;
  side.block_begin = frame.begin;
  side.block_first = side.reader.first();
  side.decoder.Begin();
}

void Parser::OnPayload(Side& side, std::string_view bytes) {
  if (side.fixed_size < side.fixed_want) {
    const std::string_view fixed = bytes.substr(0, side.fixed_want - side.fixed_size);
    std::copy(fixed.begin(), fixed.end(), side.fixed.begin() + static_cast<std::ptrdiff_t>(side.fixed_size));
    side.fixed_size += fixed.size();
    bytes.remove_prefix(fixed.size());
    if (side.fixed_size == side.fixed_want) OnFixed(side);
  }
  if (!side.reader.InHole() && !bytes.empty()) OnVariable(side, bytes);
}

void Parser::OnFixed(Side& side) {
  const Frame& frame = side.reader.frame();
  if (frame.type == kRstStream) return OnReset(side, frame.stream_id, Number(side.fixed.data()));
  if (frame.type == kGoaway) return OnGoaway(side, Number(side.fixed.data()) & 0x7fffffff);
  const size_t pad_length = (frame.flags & kPadded) != 0 ? 1 : 0;
  if (frame.type == kPushPromise) side.block_promised = Number(side.fixed.data() + pad_length) & 0x7fffffff;
  if (pad_length == 0) return;
  const auto padding = static_cast<uint8_t>(side.fixed[0]);
  if (padding > side.variable_left) return Broken(side);  // §6.1
  side.variable_left -= padding;
}

void Parser::OnVariable(Side& side, std::string_view bytes) {
  const Frame& frame = side.reader.frame();
  bytes = bytes.substr(0, side.variable_left);
  side.variable_left -= bytes.size();
  if (frame.type == kData) {
    OnData(side, bytes, 0);
  } else if (side.in_block) {
    side.decoder.Feed(bytes, false);
  }
}

void Parser::OnUnseen(Side& side, uint64_t count) {
  const Frame& frame = side.reader.frame();
  if (side.fixed_size < side.fixed_want) {
    // How much of it is padding is not known.
    const uint64_t fixed = std::min<uint64_t>(count, side.fixed_want - side.fixed_size);
    side.fixed_size += fixed;
    count -= fixed;
    const auto stream = streams_.find(frame.stream_id);
    if (frame.type == kData && stream != streams_.end()) stream->second.LoseBytes();
  }
  const uint64_t unseen = std::min(count, side.variable_left);
  side.variable_left -= unseen;
  if (frame.type == kData) {
    OnData(side, {}, unseen);
  } else if (side.in_block && unseen > 0) {
    side.decoder.Damage();
  }
}

void Parser::OnFrameEnd(Side& side) {
  const Frame& frame = side.reader.frame();
  if (side.in_block && (frame.flags & kEndHeaders) != 0) {
    side.decoder.Feed({}, true);
    side.in_block = false;
    OnBlock(side);
  } else if (frame.type == kData && (frame.flags & kEndStream) != 0) {
    OnStreamEnd(side, frame.stream_id);
  }
}

// What no HTTP/2 endpoint sends, or would go on after.
void Parser::Broken(Side& side) {
  if (!proven_ && (options_.joined == Joined::kStart || ++failures_ >= kMaxFailures)) not_mine_ = true;
  side.reader.BeginHole();
  LoseSide(side);
}

void Parser::LoseSide(Side& side) {
  side.decoder.ForgetTable();
  side.blind = true;
  side.in_block = false;
  side.fixed_size = side.fixed_want = 0;
  for (auto& [id, stream] : streams_) stream.Lose();
  doubtful_ |= !streams_.empty();
  if (!requests_ || IsRequests(side)) ids_followed_ = false;
}

// What was asked before anything of the responses was understood may have been answered.
void Parser::NoteUnseen(const Side& side) {
  if (!side.reader.InHole() || !side.blind || !requests_ || IsRequests(side)) return;
  for (auto& [id, stream] : streams_) stream.unseen = !stream.exchange.response.started;
  doubtful_ |= !streams_.empty();
}

void Parser::OnEnd(conn::Direction direction, uint64_t /*time_ns*/) { side(direction).ended = true; }

void Parser::OnClose(uint64_t time_ns, int error) {
  const bool requests_ended = requests_ && side(*requests_).ended;
  const bool responses_ended = requests_ && side(Other(*requests_)).ended;
  for (auto it = streams_.begin(); it != streams_.end();) {
    Exchange& exchange = it->second.exchange;
    Outcome outcome = exchange.response.started ? Outcome::kIncomplete : Outcome::kNoResponse;
    if (requests_ended || !responses_ended) outcome = Outcome::kAborted;
    if (error != 0) outcome = Outcome::kReset;
    if (!it->second.response_ended) exchange.ended_ns = time_ns;
    it = Finish(it, outcome);
  }
}

void Parser::OnAbandon() {
  for (auto it = streams_.begin(); it != streams_.end();) {
    it->second.Lose();
    it = Finish(it, Outcome::kLost);
  }
}

void Parser::OnQuiet() { EndDoubtful(UINT64_MAX); }

}  // namespace tracelet::protocol::http2
