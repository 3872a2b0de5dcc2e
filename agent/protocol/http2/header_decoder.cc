#include "agent/protocol/http2/header_decoder.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>

namespace tracelet::protocol::http2 {
namespace {

constexpr std::string_view kSentinel = "?";  // in no field's name: RFC 9110 §5.6.2

// A literal that is inserted: name "?", empty value (RFC 7541 §6.2.1).
constexpr std::string_view kInsertSentinel("\x40\x01?\x00", 4);
// Dynamic table size update to kMaxTable (§6.3, §5.1).
constexpr std::string_view kLargestTable("\x3f\xe1\xff\x03", 4);
static_assert(HeaderDecoder::kMaxTable == 31 + 0x61 + (0x7f << 7) + (0x03 << 14));

std::string_view Text(const uint8_t* data, size_t size) { return {reinterpret_cast<const char*>(data), size}; }

bool IsPropagation(std::string_view name) {
  static constexpr std::array<std::string_view, 4> kNames = {"traceparent", "tracestate", "b3", "uber-trace-id"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end() || name.starts_with("x-b3-");
}

}  // namespace

void HeaderDecoder::Delete::operator()(nghttp2_hd_inflater* inflater) const { nghttp2_hd_inflate_del(inflater); }

HeaderDecoder::Inflater HeaderDecoder::Make(bool table_known) {
  nghttp2_hd_inflater* raw = nullptr;
  if (nghttp2_hd_inflate_new(&raw) != 0) return nullptr;
  Inflater inflater(raw);
  // The most that an update may ask for; the size stays 4096 until one does.
  if (nghttp2_hd_inflate_change_table_size(raw, kMaxTable) != 0) return nullptr;
  if (table_known) return inflater;
  std::string block(kLargestTable);
  for (size_t i = 0; i < kSentinels; ++i) block.append(kInsertSentinel);
  const auto* at = reinterpret_cast<const uint8_t*>(block.data());
  size_t left = block.size();
  while (true) {
    nghttp2_nv field;
    int flags = 0;
    const ssize_t used = nghttp2_hd_inflate_hd2(raw, &field, &flags, at, left, 1);
    if (used < 0) return nullptr;
    at += used;
    left -= static_cast<size_t>(used);
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
  }
  nghttp2_hd_inflate_end_headers(raw);
  return inflater;
}

void HeaderDecoder::ForgetTable() {
  inflater_.reset();
  table_known_ = false;
  headers_.damaged = true;
}

void HeaderDecoder::Begin() { headers_ = Headers{}; }

void HeaderDecoder::Damage() {
  if (!headers_.damaged) ForgetTable();
}

void HeaderDecoder::Feed(std::string_view bytes, bool last) {
  if (headers_.damaged) return;
  if (!inflater_) inflater_ = Make(table_known_);
  if (!inflater_) return ForgetTable();
  const auto* at = reinterpret_cast<const uint8_t*>(bytes.data());
  size_t left = bytes.size();
  while (true) {
    nghttp2_nv field;
    int flags = 0;
    const ssize_t used = nghttp2_hd_inflate_hd2(inflater_.get(), &field, &flags, at, left, last ? 1 : 0);
    if (used < 0) return ForgetTable();
    at += used;
    left -= static_cast<size_t>(used);
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
      OnField(Text(field.name, field.namelen), Text(field.value, field.valuelen));
    }
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) {
      nghttp2_hd_inflate_end_headers(inflater_.get());
      return;
    }
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && left == 0) return;
  }
}

void HeaderDecoder::OnField(std::string_view name, std::string_view value) {
  value = value.substr(0, kMaxField);
  if (name == kSentinel) {
    ++headers_.unknown;
  } else if (name.starts_with(':')) {
    OnPseudo(name, value);
  } else if (name == "content-type") {
    headers_.content_type = value;
  } else if (name == "user-agent") {
    headers_.user_agent = value;
  } else if (name == "host") {
    if (headers_.authority.empty()) headers_.authority = value;
  } else if (name == "grpc-status") {
    headers_.grpc_status = grpc::ParseStatus(value);
  } else if (name == "grpc-timeout") {
    headers_.grpc_timeout_ns = grpc::ParseTimeout(value);
  } else if (IsPropagation(name) && headers_.propagation.size() < kMaxPropagation) {
    headers_.propagation.emplace_back(name, value);
  }
}

void HeaderDecoder::OnPseudo(std::string_view name, std::string_view value) {
  if (name == ":status") {
    headers_.of_response = true;
    const auto status = grpc::ParseStatus(value);
    headers_.status = status.value_or(0);
    return;
  }
  headers_.of_request = true;
  if (name == ":method") {
    headers_.method = value;
  } else if (name == ":path") {
    headers_.path = value;
  } else if (name == ":authority") {
    headers_.authority = value;
  } else if (name == ":protocol") {
    headers_.protocol = value;
  }
}

}  // namespace tracelet::protocol::http2
