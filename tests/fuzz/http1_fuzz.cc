// Both directions of a connection, cut and captured in every way: the parser must
// neither crash nor say anything twice. Input: for each chunk a byte of what to do,
// two of length, one of how much is captured, then the bytes.
#include <algorithm>
#include <cstdlib>
#include <unordered_set>

#include "agent/base/bytes.h"
#include "agent/protocol/http1/http1.h"

namespace {

using namespace tracelet;
using conn::Direction;

void Require(bool holds) {
  if (!holds) std::abort();
}

class Checker : public protocol::ExchangeSink {
 public:
  void OnRequest(Direction, const protocol::Exchange& exchange) override {
    Require(open_.insert(exchange.id).second);
    Require(exchange.request.started && !exchange.method.empty());
  }
  void OnOpenEndedResponse(Direction, const protocol::Exchange& exchange) override {
    Require(open_.contains(exchange.id));
  }
  void OnExchange(Direction, protocol::Exchange&& exchange) override {
    Require(open_.erase(exchange.id) == 1);
    Require(exchange.request.begin <= exchange.request.end);
    if (exchange.response.started) Require(exchange.response.begin <= exchange.response.end && exchange.status >= 100);
  }
  [[nodiscard]] bool empty() const { return open_.empty(); }

 private:
  std::unordered_set<uint64_t> open_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteReader reader(std::string_view(reinterpret_cast<const char*>(data), size));
  Checker checker;
  protocol::ParserOptions options;
  options.max_head_bytes = 512;
  options.max_outstanding = 4;
  if (auto mode = reader.BigEndian<uint8_t>()) {
    options.joined = static_cast<protocol::Joined>(*mode % 3);
    if ((*mode & 4) != 0) options.requests = (*mode & 8) != 0 ? Direction::kSend : Direction::kReceive;
  }
  const auto parser = protocol::http1::Http1().make(checker, options);
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
      default:
        break;
    }
    const uint16_t length = reader.BigEndian<uint16_t>().value_or(0) % 1024;
    const uint8_t captured = reader.BigEndian<uint8_t>().value_or(0);
    std::string_view bytes = *reader.Take(std::min<size_t>(reader.left(), captured >= 128 ? length : captured % 64));
    bytes = bytes.substr(0, length);
    if (length == 0) continue;
    conn::Operation operation;
    operation.time_ns = ++now;
    operation.tid = *what >> 6;
    parser->OnChunk(direction, conn::Chunk{offset, length, bytes, operation});
    offset += length;
    if (parser->NotMine()) return 0;
  }
  parser->OnClose(++now, 0);
  Require(checker.empty());
  return 0;
}
