// Events that no kernel would send, through the whole pipeline: no crash, and both
// ledgers hold. Input: per event a byte of kind, one of connection, one of flags,
// one of offset, one of length, then the captured bytes.
#include <cstdlib>
#include <cstring>

#include "agent/base/bytes.h"
#include "agent/pipeline/pipeline.h"

namespace {

using namespace tracelet;

class Nowhere : public span::SpanSink {
 public:
  void OnSpan(std::shared_ptr<const span::Span> span) override {
    if (span->end_unix_ns < span->start_unix_ns || span->process == nullptr) std::abort();
  }
  void OnWatermark(uint64_t) override {}
};

union Buffer {
  event_header header;
  event_open open;
  event_data data;
  event_close close;
  uint64_t words[64];
};

bool Next(ByteReader& reader, uint64_t now, Buffer& buffer) {
  std::memset(&buffer, 0, sizeof(buffer));
  const auto bytes = reader.Take(5);
  if (!bytes) return false;
  const auto at = [&](size_t i) { return static_cast<uint8_t>((*bytes)[i]); };
  buffer.header.time_ns = now;
  buffer.header.kind = at(0) % 7;
  buffer.header.tgid = buffer.header.tid = 1 + at(1) % 3;
  conn_id id = {};
  id.sock = 1 + at(1) % 4;
  id.inode = 10 + at(1) % 4 + (at(1) >> 6);
  switch (buffer.header.kind) {
    case EVENT_OPEN:
      buffer.open.conn = id;
      buffer.open.family = (at(2) & 1) != 0 ? 1 : 2;
      buffer.open.role = at(2) >> 1 & 3;
      buffer.open.flags = at(3) & 7;
      buffer.open.peer_inode = 10 + at(4) % 5;
      buffer.header.size = sizeof(event_open);
      break;
    case EVENT_DATA: {
      const std::string_view captured = *reader.Take(std::min<size_t>({reader.left(), at(4), 255U}));
      buffer.data.conn = id;
      buffer.data.offset = at(3);
      buffer.data.direction = at(0) >> 7;
      buffer.data.flags = at(2);
      buffer.data.length = at(4);
      buffer.data.captured = static_cast<uint32_t>(captured.size());
      std::memcpy(buffer.data.bytes, captured.data(), captured.size());
      buffer.header.size = static_cast<uint32_t>(sizeof(event_data) + captured.size());
      break;
    }
    case EVENT_CLOSE:
      buffer.close.conn = id;
      buffer.close.tx_end = at(3);
      buffer.close.rx_end = at(4);
      buffer.close.how = 1 + at(2) % 2;
      buffer.close.error = at(2) >> 4;
      buffer.header.size = sizeof(event_close);
      break;
    default:
      buffer.header.size = sizeof(event_header);
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteReader reader(std::string_view(reinterpret_cast<const char*>(data), size));
  Nowhere nowhere;
  config::Config config;
  config.conn.max_connections = 3;
  pipeline::Pipeline pipeline(config, nowhere, {});
  pipeline.OnClock({1000, 1'000'000});
  uint64_t now = 1000;
  uint64_t consumed = 0;
  Buffer buffer;
  while (Next(reader, now += 1'000'000, buffer)) {
    pipeline.OnEvent(buffer.header);
    ++consumed;
    if (consumed % 8 == 0) pipeline.OnWatermark(now += 600'000'000);
  }
  pipeline.OnWatermark(now + 10'000'000'000);
  pipeline.Finish();
  if (pipeline.events().used + pipeline.events().ignored.Total() != consumed) std::abort();
  const span::SpanLedger& spans = pipeline.spans();
  if (spans.assembled != spans.exported + spans.held + spans.dropped.Total()) std::abort();
  return 0;
}
