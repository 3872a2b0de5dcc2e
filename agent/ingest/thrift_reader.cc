#include "agent/ingest/thrift_reader.h"

#include <bit>

namespace tracelet::ingest {
namespace {

constexpr uint8_t kCompactId = 0x82;
constexpr uint8_t kCompactVersion = 1;  // in the low five bits
constexpr uint32_t kBinaryVersionMask = 0xffff0000;
constexpr uint32_t kBinaryVersion = 0x80010000;

constexpr size_t kMaxVarintBytes = 10;  // of 64 bits

int32_t ZigZag32(uint32_t value) { return static_cast<int32_t>(value >> 1 ^ (0 - (value & 1))); }
int64_t ZigZag64(uint64_t value) { return static_cast<int64_t>(value >> 1 ^ (0 - (value & 1))); }

}  // namespace

void ThriftReader::Fail(ThriftError error) {
  if (error_ == ThriftError::kNone) error_ = error;
  bytes_ = ByteReader({});
}

uint8_t ThriftReader::Byte() { return Fixed<uint8_t>(); }

template <typename T>
T ThriftReader::Fixed() {
  auto value = bytes_.BigEndian<T>();
  if (value) return *value;
  Fail(ThriftError::kTruncated);
  return 0;
}

uint64_t ThriftReader::Varint() {
  const std::string_view rest = bytes_.rest();
  uint64_t value = 0;
  for (size_t i = 0; i < kMaxVarintBytes && i < rest.size(); ++i) {
    const auto byte = static_cast<uint8_t>(rest[i]);
    value |= static_cast<uint64_t>(byte & 0x7f) << 7 * i;
    if (byte >= 0x80) continue;
    bytes_.Take(i + 1);
    return value;
  }
  return OddVarint();
}

// One that is cut, or longer than a number needs.
uint64_t ThriftReader::OddVarint() {
  uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    const uint8_t byte = Byte();
    if (shift < 64) value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
}

uint32_t ThriftReader::Size() {
  const uint32_t size = protocol_ == ThriftProtocol::kCompact ? static_cast<uint32_t>(Varint()) : Fixed<uint32_t>();
  if (static_cast<int32_t>(size) >= 0) return size;
  Fail(ThriftError::kNegativeSize);
  return 0;
}

std::string_view ThriftReader::Take(uint32_t size) {
  auto taken = bytes_.Take(size);
  if (taken) return *taken;
  Fail(ThriftError::kTruncated);
  return {};
}

ThriftType ThriftReader::FromCompact(uint8_t code) {
  static constexpr ThriftType kTypes[] = {
      ThriftType::kStop, ThriftType::kBool, ThriftType::kBool,   ThriftType::kI8,     ThriftType::kI16,
      ThriftType::kI32,  ThriftType::kI64,  ThriftType::kDouble, ThriftType::kString, ThriftType::kList,
      ThriftType::kSet,  ThriftType::kMap,  ThriftType::kStruct, ThriftType::kUuid};
  if (code < std::size(kTypes)) return kTypes[code];
  Fail(ThriftError::kBadType);
  return ThriftType::kStop;
}

std::string_view ThriftReader::MessageName() {
  if (protocol_ == ThriftProtocol::kCompact) {
    const uint8_t id = Byte();
    const uint8_t version = Byte();
    if (!ok()) return {};
    if (id != kCompactId || (version & 0x1f) != kCompactVersion) {
      Fail(ThriftError::kBadProtocol);
      return {};
    }
    Varint();  // sequence number
    return String();
  }
  const auto first = Fixed<uint32_t>();
  if ((first & 0x80000000) == 0) {  // the old header: name, type, sequence number
    const std::string_view name = Take(first);
    I8();
    I32();
    return name;
  }
  if ((first & kBinaryVersionMask) != kBinaryVersion) {
    Fail(ThriftError::kBadProtocol);
    return {};
  }
  const std::string_view name = String();
  I32();  // sequence number
  return name;
}

bool ThriftReader::Struct::Next() {
  const uint8_t head = reader_.Byte();
  if (reader_.protocol_ == ThriftProtocol::kBinary) {
    type_ = static_cast<ThriftType>(head);
    if (type_ == ThriftType::kStop || !reader_.ok()) return false;
    id_ = reader_.I16();
    return reader_.ok();
  }
  type_ = reader_.FromCompact(head & 0x0f);
  if (type_ == ThriftType::kStop) return false;
  const int delta = head >> 4;
  id_ = delta == 0 ? reader_.I16() : static_cast<int16_t>(id_ + delta);
  if (type_ == ThriftType::kBool) {
    reader_.bool_in_field_ = true;
    reader_.bool_value_ = (head & 0x0f) == 1;
  }
  return reader_.ok();
}

bool ThriftReader::Bool() {
  if (bool_in_field_) {
    bool_in_field_ = false;
    return bool_value_;
  }
  return Byte() == 1;
}

int8_t ThriftReader::I8() { return static_cast<int8_t>(Byte()); }

int16_t ThriftReader::I16() {
  if (protocol_ == ThriftProtocol::kBinary) return static_cast<int16_t>(Fixed<uint16_t>());
  return static_cast<int16_t>(ZigZag32(static_cast<uint32_t>(Varint())));
}

int32_t ThriftReader::I32() {
  if (protocol_ == ThriftProtocol::kBinary) return static_cast<int32_t>(Fixed<uint32_t>());
  return ZigZag32(static_cast<uint32_t>(Varint()));
}

int64_t ThriftReader::I64() {
  if (protocol_ == ThriftProtocol::kBinary) return static_cast<int64_t>(Fixed<uint64_t>());
  return ZigZag64(Varint());
}

double ThriftReader::Double() {
  const auto bits =
      protocol_ == ThriftProtocol::kBinary ? bytes_.BigEndian<uint64_t>() : bytes_.LittleEndian<uint64_t>();
  if (bits) return std::bit_cast<double>(*bits);
  Fail(ThriftError::kTruncated);
  return 0;
}

std::string_view ThriftReader::String() { return Take(Size()); }

ThriftReader::List ThriftReader::ListBegin() {
  List list;
  const uint8_t head = Byte();
  if (protocol_ == ThriftProtocol::kBinary) {
    list.type = static_cast<ThriftType>(head);
    list.size = Size();
  } else {
    list.type = FromCompact(head & 0x0f);
    list.size = head >> 4 == 15 ? Size() : head >> 4;
  }
  if (list.size <= bytes_.left()) return list;  // no element is smaller than a byte
  Fail(ThriftError::kTooMany);
  return {};
}

void ThriftReader::SkipMap(int depth) {
  ThriftType key_type = ThriftType::kStop;
  ThriftType value_type = ThriftType::kStop;
  uint32_t size = 0;
  if (protocol_ == ThriftProtocol::kBinary) {
    key_type = static_cast<ThriftType>(Byte());
    value_type = static_cast<ThriftType>(Byte());
    size = Size();
  } else {
    size = Size();
    if (size == 0) return;
    const uint8_t types = Byte();
    key_type = FromCompact(types >> 4);
    value_type = FromCompact(types & 0x0f);
  }
  if (size > bytes_.left() / 2) return Fail(ThriftError::kTooMany);
  for (; size > 0 && ok(); --size) {
    Skip(key_type, depth);
    Skip(value_type, depth);
  }
}

void ThriftReader::Skip(ThriftType type, int depth) {
  if (depth <= 0) return Fail(ThriftError::kTooDeep);
  switch (type) {
    case ThriftType::kBool:
      Bool();
      return;
    case ThriftType::kI8:
      I8();
      return;
    case ThriftType::kDouble:
      Double();
      return;
    case ThriftType::kI16:
      I16();
      return;
    case ThriftType::kI32:
      I32();
      return;
    case ThriftType::kI64:
      I64();
      return;
    case ThriftType::kString:
      String();
      return;
    case ThriftType::kUuid:
      Take(16);
      return;
    case ThriftType::kMap:
      SkipMap(depth - 1);
      return;
    case ThriftType::kStruct:
      for (Struct fields(*this); fields.Next();) Skip(fields.type(), depth - 1);
      return;
    case ThriftType::kSet:
    case ThriftType::kList:
      for (List list = ListBegin(); list.size > 0 && ok(); --list.size) Skip(list.type, depth - 1);
      return;
    case ThriftType::kStop:
      break;
  }
  Fail(ThriftError::kBadType);
}

std::string_view Describe(ThriftError error) {
  switch (error) {
    case ThriftError::kNone:
      return "no error";
    case ThriftError::kTruncated:
      return "it ends in the middle of a value";
    case ThriftError::kBadProtocol:
      return "not the Thrift protocol of this port";
    case ThriftError::kNegativeSize:
      return "a negative size";
    case ThriftError::kTooMany:
      return "a collection claims more elements than there are bytes";
    case ThriftError::kBadType:
      return "an unknown type";
    case ThriftError::kTooDeep:
      return "nested too deep";
  }
  return "";
}

}  // namespace tracelet::ingest
