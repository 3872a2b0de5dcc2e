// Bytes of HTTP/2, made with libnghttp2's deflater: what real endpoints send, and what they never would.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct nghttp2_hd_deflater;

namespace tracelet::testing {

using Fields = std::vector<std::pair<std::string, std::string>>;

std::string Http2Frame(uint8_t type, uint8_t flags, uint32_t stream_id, std::string_view payload);
std::string Http2Settings(uint16_t setting, uint32_t value);
std::string Http2Reset(uint32_t stream_id, uint32_t code);
std::string Http2Goaway(uint32_t last_stream, uint32_t code);
// A gRPC message of that many bytes, with its prefix.
std::string GrpcMessage(size_t size);

// The HPACK encoder of one direction.
class Http2Encoder {
 public:
  explicit Http2Encoder(size_t table_size = 4096);
  ~Http2Encoder();
  Http2Encoder(const Http2Encoder&) = delete;

  void ChangeTableSize(size_t size);
  std::string Block(const Fields& fields);
  // HEADERS with END_HEADERS, and END_STREAM if it is the `last` frame.
  std::string Headers(uint32_t stream_id, const Fields& fields, bool last = false);
  // The same in HEADERS and two CONTINUATION frames, padded and with a priority.
  std::string Scattered(uint32_t stream_id, const Fields& fields, bool last = false);

 private:
  nghttp2_hd_deflater* deflater_ = nullptr;
};

Fields GetFields(std::string_view path);
Fields CallFields(std::string_view path);

}  // namespace tracelet::testing
