// ByteReader: the only way parsers read numbers and strings from captured or
// received bytes. Never reads past the end: a short read fails and moves nothing.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace tracelet {

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] size_t left() const { return bytes_.size(); }
  [[nodiscard]] std::string_view rest() const { return bytes_; }

  std::optional<std::string_view> Take(size_t count) {
    if (count > bytes_.size()) return std::nullopt;
    std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }

  template <std::unsigned_integral T>
  std::optional<T> BigEndian() {
    return Integer<T, std::endian::big>();
  }
  template <std::unsigned_integral T>
  std::optional<T> LittleEndian() {
    return Integer<T, std::endian::little>();
  }

 private:
  template <typename T, std::endian kOrder>
  std::optional<T> Integer() {
    auto taken = Take(sizeof(T));
    if (!taken) return std::nullopt;
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      const size_t at = kOrder == std::endian::big ? i : sizeof(T) - 1 - i;
      value = value << 8 | static_cast<uint8_t>((*taken)[at]);
    }
    return static_cast<T>(value);
  }

  std::string_view bytes_;
};

}  // namespace tracelet
