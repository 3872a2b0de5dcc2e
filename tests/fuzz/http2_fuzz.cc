// Both directions of an HTTP/2 connection, cut and captured in every way, with gaps and
// frames where none can be: the parser must neither crash nor say anything twice. Input: for
// each chunk a byte of what to do, two of length, one of how much is captured, then the bytes. One that begins with the
// client's preface is a client's bytes and nothing else, as in nghttp2's corpus.
#include <algorithm>
#include <cstdlib>
#include <unordered_map>

#include "agent/base/bytes.h"
#include "agent/protocol/http2/frame.h"
#include "agent/protocol/http2/http2.h"

namespace {

using namespace tracelet;
using conn::Direction;

void Require(bool holds) {
  if (!holds) std::abort();
}

class Checker : public protocol::ExchangeSink {
 public:
  void OnRequest(Direction, const protocol::Exchange& exchange) override {
    Require((exchange.stream_id % 2 == 0) == exchange.pushed && exchange.request.started);
    Require(open_.emplace(exchange.id, exchange.stream_id).second);
  }
  void OnOpenEndedResponse(Direction, const protocol::Exchange&) override { std::abort(); }
  void OnExchange(Direction, protocol::Exchange&& exchange) override {
    const auto found = open_.find(exchange.id);
    Require(found != open_.end() && found->second == exchange.stream_id);
    open_.erase(found);
    Require(exchange.request.begin <= exchange.request.end);
    if (exchange.response.started) Require(exchange.response.begin <= exchange.response.end);
    if (exchange.rpc) Require(exchange.rpc->sent && exchange.rpc->received);
  }
  [[nodiscard]] bool empty() const { return open_.empty(); }

 private:
  std::unordered_map<uint64_t, uint32_t> open_;
};

void ReadClient(std::string_view bytes) {
  for (const size_t step : {bytes.size(), size_t{50}}) {
    Checker checker;
    const auto parser = protocol::http2::Http2().make(checker, {.requests = Direction::kReceive});
    uint64_t now = 0;
    for (size_t at = 0; at < bytes.size() && !parser->NotMine(); at += step) {
      conn::Operation operation;
      operation.time_ns = ++now;
      const std::string_view part = bytes.substr(at, step);
      parser->OnChunk(Direction::kReceive, conn::Chunk{at, static_cast<uint32_t>(part.size()), part, operation, false});
    }
    parser->OnClose(++now, 0);
    Require(checker.empty() && !parser->Busy());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.starts_with(protocol::http2::kClientPreface)) {
    ReadClient(input);
    return 0;
  }
  ByteReader reader(input);
  Checker checker;
  protocol::ParserOptions options;
  options.max_streams = 4;
  if (auto mode = reader.BigEndian<uint8_t>()) {
    options.joined = static_cast<protocol::Joined>(*mode % 3);
    if ((*mode & 4) != 0) options.requests = (*mode & 8) != 0 ? Direction::kSend : Direction::kReceive;
  }
  const auto parser = protocol::http2::Http2().make(checker, options);
  uint64_t next[2] = {};
  uint64_t now = 0;
  while (auto what = reader.BigEndian<uint8_t>()) {
    const auto direction = static_cast<Direction>(*what & 1);
    uint64_t& offset = next[*what & 1];
    switch (*what >> 1 & 15) {
      case 0:
        parser->OnGap(direction, offset += reader.BigEndian<uint8_t>().value_or(1));
        continue;
      case 1:
        parser->OnEnd(direction, ++now);
        continue;
      case 2:
        if (parser->AwaitsQuiet()) parser->OnQuiet();
        continue;
      case 3:
        now += 1'000'000'000;
        continue;
      default:
        break;
    }
    const uint16_t length = reader.BigEndian<uint16_t>().value_or(0) % 1024;
    const uint8_t captured = reader.BigEndian<uint8_t>().value_or(0);
    std::string_view bytes = *reader.Take(std::min<size_t>(reader.left(), captured >= 64 ? length : captured));
    bytes = bytes.substr(0, length);
    if (length == 0) continue;
    conn::Operation operation;
    operation.time_ns = ++now;
    const bool frame = (*what & 128) != 0;
    parser->OnChunk(direction, conn::Chunk{offset, length, bytes, operation, frame});
    offset += length;
    if (parser->NotMine()) break;
  }
  parser->OnClose(++now, 0);
  Require(checker.empty() && !parser->Busy());
  return 0;
}
