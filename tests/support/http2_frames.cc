#include "tests/support/http2_frames.h"

#include <nghttp2/nghttp2.h>

#include "agent/protocol/http2/frame.h"

namespace tracelet::testing {
namespace {

namespace http2 = protocol::http2;

std::string BigEndian(uint64_t value, size_t bytes) {
  std::string text;
  for (size_t i = bytes; i-- > 0;) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}

}  // namespace

std::string Http2Frame(uint8_t type, uint8_t flags, uint32_t stream_id, std::string_view payload) {
  std::string frame = BigEndian(payload.size(), 3);
  frame.push_back(static_cast<char>(type));
  frame.push_back(static_cast<char>(flags));
  return frame + BigEndian(stream_id, 4) + std::string(payload);
}

std::string Http2Settings(uint16_t setting, uint32_t value) {
  return Http2Frame(http2::kSettings, 0, 0, BigEndian(setting, 2) + BigEndian(value, 4));
}

std::string Http2Reset(uint32_t stream_id, uint32_t code) {
  return Http2Frame(http2::kRstStream, 0, stream_id, BigEndian(code, 4));
}

std::string Http2Goaway(uint32_t last_stream, uint32_t code) {
  return Http2Frame(http2::kGoaway, 0, 0, BigEndian(last_stream, 4) + BigEndian(code, 4) + "bye");
}

std::string GrpcMessage(size_t size) { return '\0' + BigEndian(size, 4) + std::string(size, 'm'); }

Http2Encoder::Http2Encoder(size_t table_size) { nghttp2_hd_deflate_new(&deflater_, table_size); }

Http2Encoder::~Http2Encoder() { nghttp2_hd_deflate_del(deflater_); }

void Http2Encoder::ChangeTableSize(size_t size) { nghttp2_hd_deflate_change_table_size(deflater_, size); }

std::string Http2Encoder::Block(const Fields& fields) {
  std::vector<nghttp2_nv> values;
  for (const auto& [name, value] : fields) {
    auto* name_bytes = reinterpret_cast<uint8_t*>(const_cast<char*>(name.data()));
    auto* value_bytes = reinterpret_cast<uint8_t*>(const_cast<char*>(value.data()));
    values.push_back({name_bytes, value_bytes, name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  std::string block(nghttp2_hd_deflate_bound(deflater_, values.data(), values.size()), '\0');
  const ssize_t size = nghttp2_hd_deflate_hd(deflater_, reinterpret_cast<uint8_t*>(block.data()), block.size(),
                                             values.data(), values.size());
  block.resize(static_cast<size_t>(size));
  return block;
}

std::string Http2Encoder::Headers(uint32_t stream_id, const Fields& fields, bool last) {
  const uint8_t flags = http2::kEndHeaders | (last ? http2::kEndStream : 0);
  return Http2Frame(http2::kHeaders, flags, stream_id, Block(fields));
}

std::string Http2Encoder::Scattered(uint32_t stream_id, const Fields& fields, bool last) {
  const std::string block = Block(fields);
  const size_t third = block.size() / 3;
  const std::string priority("\x80\0\0\0\x10", 5);
  const uint8_t flags = http2::kPadded | http2::kHasPriority | (last ? http2::kEndStream : 0);
  return Http2Frame(http2::kHeaders, flags, stream_id,
                    '\x04' + priority + block.substr(0, third) + std::string(4, '\0')) +
         Http2Frame(http2::kContinuation, 0, stream_id, block.substr(third, third)) +
         Http2Frame(http2::kContinuation, http2::kEndHeaders, stream_id, block.substr(2 * third));
}

Fields GetFields(std::string_view path) {
  return {{":method", "GET"}, {":scheme", "http"}, {":path", std::string(path)}, {":authority", "shop:8080"}};
}

Fields CallFields(std::string_view path) {
  return {{":method", "POST"},         {":scheme", "http"}, {":path", std::string(path)},
          {":authority", "shop:8080"}, {"te", "trailers"},  {"content-type", "application/grpc"}};
}

}  // namespace tracelet::testing
