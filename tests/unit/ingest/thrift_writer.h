// Makes Thrift messages for tests, in either protocol, also ones that no client would.
#pragma once

#include <bit>
#include <string>
#include <string_view>

#include "agent/ingest/thrift_reader.h"

namespace tracelet::ingest {

class ThriftWriter {
 public:
  explicit ThriftWriter(ThriftProtocol protocol) : compact_(protocol == ThriftProtocol::kCompact) {}

  ThriftWriter& Message(std::string_view method, uint8_t type = 4) {
    if (compact_) {
      Byte(0x82).Byte(static_cast<uint8_t>(type << 5 | 1)).Varint(7);
    } else {
      BigEndian(0x80010000 | type, 4);
    }
    String(method);
    if (!compact_) BigEndian(7, 4);
    return *this;
  }
  // The id is always written out: correct in both protocols.
  ThriftWriter& Field(int16_t id, ThriftType type) {
    Byte(compact_ ? Compact(type) : static_cast<uint8_t>(type));
    return I16(id);
  }
  ThriftWriter& Stop() { return Byte(0); }
  ThriftWriter& List(ThriftType type, uint32_t size) {
    if (!compact_) return Byte(static_cast<uint8_t>(type)).BigEndian(size, 4);
    if (size < 15) return Byte(static_cast<uint8_t>(size << 4 | Compact(type)));
    return Byte(static_cast<uint8_t>(0xf0 | Compact(type))).Varint(size);
  }
  ThriftWriter& I16(int16_t value) { return Integer(value, 2); }
  ThriftWriter& I32(int32_t value) { return Integer(value, 4); }
  ThriftWriter& I64(int64_t value) { return Integer(value, 8); }
  ThriftWriter& Double(double value) {
    const auto bits = std::bit_cast<uint64_t>(value);
    if (!compact_) return BigEndian(bits, 8);
    for (int i = 0; i < 8; ++i) Byte(static_cast<uint8_t>(bits >> 8 * i));
    return *this;
  }
  ThriftWriter& String(std::string_view value) {
    if (compact_) {
      Varint(value.size());
    } else {
      BigEndian(value.size(), 4);
    }
    return Append(value);
  }

  // Fields of the most used kinds.
  ThriftWriter& FieldI32(int16_t id, int32_t value) { return Field(id, ThriftType::kI32).I32(value); }
  ThriftWriter& FieldI64(int16_t id, int64_t value) { return Field(id, ThriftType::kI64).I64(value); }
  ThriftWriter& FieldString(int16_t id, std::string_view value) { return Field(id, ThriftType::kString).String(value); }
  ThriftWriter& FieldBool(int16_t id, bool value) {
    if (!compact_) return Field(id, ThriftType::kBool).Byte(value ? 1 : 0);
    return Byte(value ? 1 : 2).I16(id);
  }
  ThriftWriter& FieldList(int16_t id, uint32_t size) {
    return Field(id, ThriftType::kList).List(ThriftType::kStruct, size);
  }

  ThriftWriter& Byte(uint8_t byte) {
    bytes_.push_back(static_cast<char>(byte));
    return *this;
  }
  ThriftWriter& Append(std::string_view bytes) {
    bytes_.append(bytes);
    return *this;
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  static uint8_t Compact(ThriftType type) {
    constexpr uint8_t kCodes[] = {0, 0, 1, 3, 7, 0, 4, 0, 5, 0, 6, 8, 12, 11, 10, 9, 13};
    return kCodes[static_cast<uint8_t>(type)];
  }
  ThriftWriter& Integer(int64_t value, int size) {
    if (!compact_) return BigEndian(static_cast<uint64_t>(value), size);
    return Varint(static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63));
  }
  ThriftWriter& BigEndian(uint64_t value, int size) {
    while (size > 0) Byte(static_cast<uint8_t>(value >> 8 * --size));
    return *this;
  }
  ThriftWriter& Varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) Byte(static_cast<uint8_t>(value | 0x80));
    return Byte(static_cast<uint8_t>(value));
  }

  bool compact_;
  std::string bytes_;
};

}  // namespace tracelet::ingest
