#include "agent/protocol/http2/frame.h"

#include <algorithm>

#include "agent/base/bytes.h"

namespace tracelet::protocol::http2 {

Frame ParseFrameHeader(std::string_view nine_bytes) {
  ByteReader reader(nine_bytes);
  Frame frame;
  const uint32_t length_and_type = reader.BigEndian<uint32_t>().value_or(0);
  frame.length = length_and_type >> 8;
  frame.type = static_cast<uint8_t>(length_and_type);
  frame.flags = reader.BigEndian<uint8_t>().value_or(0);
  frame.stream_id = reader.BigEndian<uint32_t>().value_or(0) & 0x7fffffff;
  return frame;
}

bool CanBeginConnection(std::string_view bytes) {
  const std::string_view preface = bytes.substr(0, kClientPreface.size());
  if (kClientPreface.starts_with(preface)) return preface.size() >= 3;  // "PRI" begins no other message
  if (bytes.size() < kFrameHeader) return false;
  const Frame first = ParseFrameHeader(bytes.substr(0, kFrameHeader));
  constexpr uint32_t kSetting = 6;
  constexpr uint32_t kManySettings = 32 * kSetting;
  return first.type == kSettings && first.flags == 0 && first.stream_id == 0 && first.length % kSetting == 0 &&
         first.length <= kManySettings && (bytes[5] & '\x80') == 0;
}

void FrameReader::Begin(const conn::Chunk& chunk) {
  operation_ = &chunk.operation;
  at_ = chunk.offset;
  left_ = chunk.length;
  captured_ = chunk.bytes;
  if (!chunk.frame) return;
  out_of_step_ = place_ == Place::kPayload || (place_ == Place::kHeader && have_ > 0);
  if (place_ == Place::kHole) {
    place_ = Place::kHeader;
    have_ = 0;
  }
}

std::string_view FrameReader::Take(size_t count) {
  const std::string_view taken = captured_.substr(0, count);
  captured_.remove_prefix(taken.size());
  at_ += taken.size();
  left_ -= taken.size();
  return taken;
}

FrameReader::Step FrameReader::Lose() {
  place_ = Place::kHole;
  return {.what = What::kLost};
}

FrameReader::Step FrameReader::Next() {
  if (out_of_step_) {
    out_of_step_ = false;
    place_ = Place::kHeader;
    have_ = 0;
    return {.what = What::kLost};
  }
  if (place_ == Place::kPayload && payload_left_ == 0) {
    place_ = Place::kHeader;
    have_ = 0;
    return {.what = What::kEnd};
  }
  if (left_ == 0) return {};
  switch (place_) {
    case Place::kPreface:
      return InPreface();
    case Place::kHeader:
      return InHeader();
    case Place::kPayload:
      return InPayload();
    case Place::kHole:
      break;
  }
  at_ += left_;
  left_ = 0;
  return {};
}

FrameReader::Step FrameReader::InPreface() {
  const std::string_view wanted = kClientPreface.substr(have_);
  const std::string_view bytes = Take(wanted.size());
  have_ += bytes.size();
  if (bytes.empty() || !wanted.starts_with(bytes)) return {.what = What::kNotHttp2};
  if (have_ < kClientPreface.size()) return left_ == 0 ? Step{} : Step{.what = What::kNotHttp2};
  place_ = Place::kHeader;
  have_ = 0;
  return {.what = What::kPreface};
}

FrameReader::Step FrameReader::InHeader() {
  if (captured_.empty()) return Lose();
  if (have_ == 0) {
    frame_.begin = at_;
    first_ = *operation_;
  }
  const uint64_t begin = frame_.begin;
  const std::string_view bytes = Take(kFrameHeader - have_);
  std::copy(bytes.begin(), bytes.end(), header_.begin() + static_cast<std::ptrdiff_t>(have_));
  have_ += bytes.size();
  if (have_ < kFrameHeader) return left_ == 0 ? Step{} : Lose();
  frame_ = ParseFrameHeader({header_.data(), header_.size()});
  frame_.begin = begin;
  payload_left_ = frame_.length;
  place_ = Place::kPayload;
  return {.what = What::kFrame};
}

FrameReader::Step FrameReader::InPayload() {
  if (!captured_.empty()) {
    const std::string_view bytes = Take(payload_left_);
    payload_left_ -= bytes.size();
    return {.what = What::kPayload, .bytes = bytes};
  }
  const uint64_t count = std::min(payload_left_, left_);
  payload_left_ -= count;
  at_ += count;
  left_ -= count;
  return {.what = What::kUnseen, .count = count};
}

FrameReader::Step FrameReader::Gap(uint64_t next_offset) {
  const uint64_t count = next_offset - std::min(at_, next_offset);
  at_ = std::max(at_, next_offset);
  left_ = 0;
  captured_ = {};
  if (place_ != Place::kPayload || frame_.type != kData || count > payload_left_) return Lose();
  payload_left_ -= count;
  return {.what = What::kUnseen, .count = count};
}

}  // namespace tracelet::protocol::http2
