#include "agent/protocol/grpc/message_counter.h"

#include <algorithm>

namespace tracelet::protocol::grpc {

void MessageCounter::OnBytes(std::string_view bytes, uint64_t time_ns) {
  while (messages_.exact && !bytes.empty()) {
    if (left_ > 0) {
      const size_t count = std::min<uint64_t>(left_, bytes.size());
      bytes.remove_prefix(count);
      left_ -= count;
      if (left_ == 0) Finish(time_ns);
      continue;
    }
    prefix_[have_++] = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    if (have_ < kPrefix) continue;
    have_ = 0;
    size_ = uint64_t{prefix_[1]} << 24 | prefix_[2] << 16 | prefix_[3] << 8 | prefix_[4];
    left_ = size_;
    if (prefix_[0] > 1) Lose();  // no other flag is defined: this is no message
    if (messages_.exact && left_ == 0) Finish(time_ns);
  }
}

void MessageCounter::OnUnseen(uint64_t count, uint64_t time_ns) {
  if (!messages_.exact || count == 0) return;
  if (count > left_) return Lose();
  left_ -= count;
  if (left_ == 0) Finish(time_ns);
}

void MessageCounter::Finish(uint64_t time_ns) {
  messages_.last = {.time_ns = time_ns, .bytes = size_};
  if (messages_.count++ == 0) messages_.first = messages_.last;
  messages_.bytes += size_;
}

}  // namespace tracelet::protocol::grpc
