// HTTP/2 on one connection (RFC 9113): an exchange per stream. Frames
// and HPACK are read in frame.h and header_decoder.h; here are streams. An identifier is
// used once on a connection, so request and response are paired by it and by nothing
// else, whatever is lost or comes in an odd order. After lost events:
//
//   DATA only           counts are not exact
//   anything else       the direction waits for a chunk that begins with a frame; its table
//                       is unknown from there; open streams are `lost` and end, if their end
//                       was among it, when a second has passed without a frame of theirs
//
// A response whose request was not seen yet (a write is stamped when it returns) waits for
// it as long. A stream is over when both sides have ended it, or one has reset it.
//
// A promise (PUSH_PROMISE) is told as a request of its own, on the promised stream: nobody asked, and it is answered.
#pragma once

#include <array>
#include <map>
#include <string>

#include "agent/protocol/http2/frame.h"
#include "agent/protocol/http2/stream.h"
#include "agent/protocol/protocol.h"

namespace tracelet::protocol::http2 {

class Parser final : public ConnectionParser {
 public:
  // `sink` outlives the parser.
  Parser(ExchangeSink& sink, const ParserOptions& options);

  bool OnChunk(conn::Direction direction, const conn::Chunk& chunk) override;
  void OnGap(conn::Direction direction, uint64_t next_offset) override;
  void OnEnd(conn::Direction direction, uint64_t time_ns) override;
  void OnClose(uint64_t time_ns, int error) override;
  void OnAbandon() override;
  void OnQuiet() override;
  [[nodiscard]] bool NotMine() const override { return not_mine_; }
  [[nodiscard]] bool Busy() const override { return asked_ > 0; }
  [[nodiscard]] bool AwaitsQuiet() const override { return doubtful_; }
  void ForEachOpen(const std::function<void(const OpenExchange&)>& tell) const override;

 private:
  using Streams = std::map<uint32_t, Stream>;

  // One direction.
  struct Side {
    FrameReader reader;
    HeaderDecoder decoder;
    std::array<char, 8> fixed = {};  // the fields before a payload's variable part
    size_t fixed_size = 0;
    size_t fixed_want = 0;
    uint64_t variable_left = 0;  // of the payload, padding excluded
    // The header block in progress.
    bool in_block = false;
    bool block_ends_stream = false;
    bool block_pushed = false;  // PUSH_PROMISE
    uint32_t block_stream = 0;
    uint32_t block_promised = 0;  // the stream that a PUSH_PROMISE is about
    uint64_t block_begin = 0;
    conn::Operation block_first;
    bool ended = false;
    bool blind = false;  // bytes may have gone by unseen before the first, or next, that are understood
  };

  Side& side(conn::Direction direction) { return sides_[static_cast<size_t>(direction)]; }
  [[nodiscard]] bool IsRequests(const Side& side) const;

  // parser.cc: frames
  void LearnFromBytes(conn::Direction direction, std::string_view bytes);
  void Handle(Side& side, const FrameReader::Step& step);
  void OnFrame(Side& side);
  void OnFixed(Side& side);
  void OnPayload(Side& side, std::string_view bytes);
  void OnVariable(Side& side, std::string_view bytes);
  void OnUnseen(Side& side, uint64_t count);
  void OnFrameEnd(Side& side);
  void Broken(Side& side);
  void LoseSide(Side& side);
  void NoteUnseen(const Side& side);

  // streams.cc
  void OnBlock(Side& side);
  bool LearnFromBlock(Side& side, const Headers& headers);
  void OnRequestBlock(Side& side, Headers& headers);
  void OnResponseBlock(Side& side, Headers& headers);
  void OnPromise(Side& side, Headers& headers);
  void Ask(Side& side, Stream& stream, uint32_t id, Headers& headers);
  Streams::iterator Open(uint32_t id);
  void OnData(Side& side, std::string_view bytes, uint64_t unseen);
  void OnStreamEnd(Side& side, uint32_t id);
  void OnReset(Side& side, uint32_t id, uint32_t code);
  void OnGoaway(Side& side, uint32_t last_id);
  void Touch(Message& message, Stream& stream, uint64_t end);
  void MaybeFinish(Streams::iterator stream);
  Streams::iterator Finish(Streams::iterator stream, Outcome rest);
  void Sweep(uint64_t now_ns);
  void EndDoubtful(uint64_t before_ns);

  ExchangeSink& sink_;
  const ParserOptions options_;
  std::optional<conn::Direction> requests_;
  Side sides_[2];
  Streams streams_;
  size_t asked_ = 0;         // streams whose request was told
  uint32_t highest_id_ = 0;  // of the requests seen
  uint32_t highest_promised_ = 0;
  bool ids_followed_ = true;  // no request was missed since: a higher one is new
  uint64_t next_id_ = 1;
  const conn::Operation* operation_ = nullptr;  // of the current chunk
  bool proven_ = false;                         // a header block made sense
  bool not_mine_ = false;
  bool doubtful_ = false;  // there may be streams whose end was missed, or whose request was
  uint64_t sweep_ns_ = 0;
  int failures_ = 0;  // while not proven
};

}  // namespace tracelet::protocol::http2
