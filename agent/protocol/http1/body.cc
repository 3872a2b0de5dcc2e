#include "agent/protocol/http1/body.h"

#include <algorithm>

namespace tracelet::protocol::http1 {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

constexpr uint8_t kMaxSizeDigits = 15;  // keeps offsets far from overflow

}  // namespace

void Body::Begin(const Head& head, uint64_t offset) {
  *this = Body();
  switch (head.framing) {
    case Framing::kNone:
      break;
    case Framing::kLength:
      state_ = State::kLength;
      end_ = offset + head.content_length;
      break;
    case Framing::kChunked:
      state_ = State::kSize;
      break;
    case Framing::kUntilClose:
      state_ = State::kUntilClose;
      break;
    case Framing::kUnknown:
      BeginUnknown();
      break;
    case Framing::kTunnel:
      BeginTunnel();
      break;
  }
}

void Body::BeginUnknown() {
  state_ = State::kUnknown;
  exact_ = false;
}

void Body::BeginTunnel() {
  state_ = State::kTunnel;
  exact_ = false;
}

uint64_t Body::Take(uint64_t offset, uint64_t length, std::string_view captured) {
  uint64_t taken = 0;
  while (taken < length) {
    switch (state_) {
      case State::kDone:
        return taken;
      case State::kLength: {
        const uint64_t here = std::min(length - taken, end_ - (offset + taken));
        taken += here;
        content_ += here;
        if (offset + taken == end_) state_ = State::kDone;
        return taken;
      }
      case State::kUntilClose:
      case State::kUnknown:
      case State::kTunnel:
        content_ += length - taken;
        return length;
      case State::kData: {
        const uint64_t here = std::min(length - taken, left_);
        taken += here;
        content_ += here;
        left_ -= here;
        if (left_ == 0) state_ = State::kDataEnd;
        break;
      }
      default:
        if (taken >= captured.size()) {
          BeginUnknown();
        } else {
          TakeFramingByte(captured[taken++]);
        }
    }
  }
  return taken;
}

void Body::TakeFramingByte(char c) {
  switch (state_) {
    case State::kSize: {
      const int digit = HexDigit(c);
      if (digit >= 0 && digits_ < kMaxSizeDigits) {
        left_ = left_ << 4 | static_cast<uint64_t>(digit);
        ++digits_;
      } else if (digits_ == 0 || digit >= 0) {
        BeginUnknown();
      } else if (c == '\n') {
        EndSizeLine();
      } else if (c == ';' || c == '\r' || c == ' ' || c == '\t') {
        state_ = State::kExtension;
      } else {
        BeginUnknown();
      }
      return;
    }
    case State::kExtension:
      if (c == '\n') EndSizeLine();
      return;
    case State::kDataEnd:
      if (c == '\n') {
        state_ = State::kSize;
        left_ = digits_ = 0;
        carriage_ = false;
      } else if (c == '\r' && !carriage_) {
        carriage_ = true;
      } else {
        BeginUnknown();
      }
      return;
    case State::kTrailer:
      if (c == '\n') {
        state_ = State::kDone;
      } else if (c == '\r' && !carriage_) {
        carriage_ = true;
      } else {
        state_ = State::kTrailerLine;
      }
      return;
    case State::kTrailerLine:
      if (c == '\n') {
        state_ = State::kTrailer;
        carriage_ = false;
      }
      return;
    default:
      return;
  }
}

void Body::EndSizeLine() {
  carriage_ = false;
  state_ = left_ == 0 ? State::kTrailer : State::kData;
}

bool Body::SkipTo(uint64_t from, uint64_t offset) {
  switch (state_) {
    case State::kLength:
      if (offset > end_) return false;
      content_ += offset - from;
      if (offset == end_) state_ = State::kDone;
      return true;
    case State::kData:
      if (offset - from > left_) return false;
      content_ += offset - from;
      left_ -= offset - from;
      if (left_ == 0) state_ = State::kDataEnd;
      return true;
    case State::kUntilClose:
      content_ += offset - from;
      return true;
    case State::kTunnel:
      return true;
    default:
      return false;
  }
}

}  // namespace tracelet::protocol::http1
