// Text that grows; what is added is written in place. Its memory is kept when it is
// cleared, and goes with it when it is moved.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace tracelet::exporter {

class TextBlock {
 public:
  TextBlock() = default;
  TextBlock(TextBlock&& other) noexcept { *this = std::move(other); }
  TextBlock& operator=(TextBlock&& other) noexcept {
    bytes_ = std::move(other.bytes_);
    capacity_ = std::exchange(other.capacity_, 0);
    used_ = std::exchange(other.used_, 0);
    return *this;
  }

  // At least `bytes` bytes behind the text; Used() says how many became part of it.
  char* Room(size_t bytes) {
    if (capacity_ - used_ < bytes) Grow(bytes);
    return bytes_.get() + used_;
  }
  void Used(size_t bytes) { used_ += bytes; }
  void UsedUpTo(const char* end) { used_ = static_cast<size_t>(end - bytes_.get()); }
  template <size_t kSize>
  void Append(const char (&literal)[kSize]) {
    std::memcpy(Room(kSize - 1), literal, kSize - 1);
    used_ += kSize - 1;
  }
  void Append(std::string_view text) {
    std::memcpy(Room(text.size()), text.data(), text.size());
    used_ += text.size();
  }
  void Clear() { used_ = 0; }
  [[nodiscard]] size_t size() const { return used_; }
  [[nodiscard]] bool empty() const { return used_ == 0; }
  [[nodiscard]] std::string_view view() const { return {bytes_.get(), used_}; }

 private:
  void Grow(size_t bytes) {
    capacity_ = 2 * capacity_ + bytes;
    auto larger = std::make_unique_for_overwrite<char[]>(capacity_);
    if (used_ > 0) std::memcpy(larger.get(), bytes_.get(), used_);
    bytes_ = std::move(larger);
  }

  std::unique_ptr<char[]> bytes_;
  size_t capacity_ = 0;
  size_t used_ = 0;
};

}  // namespace tracelet::exporter
