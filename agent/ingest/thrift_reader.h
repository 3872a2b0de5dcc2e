// Reads Apache Thrift's compact and binary protocols from one datagram. Every read
// is checked against the bytes that are left, so no claim of a length or a count
// costs more than the bytes that were received.
//
// The first failure is kept and ends the input: later reads give zeros and empty
// views, Struct::Next() says false and lists have no elements. A decoder therefore
// asks ok() once, at the end. Views point into the datagram.
//
// Wire format: thrift-compact-protocol.md and thrift-binary-protocol.md of Apache
// Thrift 0.19. Like the Go library: the message type is not looked at, a varint may
// be longer than ten bytes (what does not fit is lost), both binary headers are read.
#pragma once

#include <cstdint>
#include <string_view>

#include "agent/base/bytes.h"

namespace tracelet::ingest {

enum class ThriftProtocol : uint8_t { kCompact, kBinary };

// The binary protocol's numbers; the compact protocol's are mapped to these.
enum class ThriftType : uint8_t {
  kStop = 0,
  kBool = 2,
  kI8 = 3,
  kDouble = 4,
  kI16 = 6,
  kI32 = 8,
  kI64 = 10,
  kString = 11,  // and binary
  kStruct = 12,
  kMap = 13,
  kSet = 14,
  kList = 15,
  kUuid = 16,
};

enum class ThriftError : uint8_t {
  kNone,
  kTruncated,     // a value ends behind the datagram
  kBadProtocol,   // not this protocol: the other one's port, or no Thrift at all
  kNegativeSize,  // of a string or a collection
  kTooMany,       // a collection claims more elements than there are bytes left
  kBadType,       // no such type
  kTooDeep,       // something unknown is nested deeper than kMaxSkipDepth
};

class ThriftReader {
 public:
  // What is skipped may be nested this deep, Apache Thrift's default.
  static constexpr int kMaxSkipDepth = 64;

  struct List {
    ThriftType type = ThriftType::kStop;
    uint32_t size = 0;  // at most the bytes left
  };

  // Walks the fields of one struct:
  //   for (ThriftReader::Struct fields(reader); fields.Next();) {
  //     switch (fields.key()) {
  //       case Key(1, ThriftType::kI64): id = reader.I64(); break;
  //       default: fields.Skip();
  class Struct {
   public:
    explicit Struct(ThriftReader& reader) : reader_(reader) {}
    // False at the end of the struct and after a failure.
    bool Next();
    [[nodiscard]] uint32_t key() const;
    [[nodiscard]] ThriftType type() const { return type_; }
    void Skip() { reader_.Skip(type_, kMaxSkipDepth); }

   private:
    ThriftReader& reader_;
    int16_t id_ = 0;
    ThriftType type_ = ThriftType::kStop;
  };

  ThriftReader(ThriftProtocol protocol, std::string_view datagram) : protocol_(protocol), bytes_(datagram) {}

  [[nodiscard]] bool ok() const { return error_ == ThriftError::kNone; }
  [[nodiscard]] ThriftError error() const { return error_; }
  // What is not read yet.
  [[nodiscard]] std::string_view rest() const { return bytes_.rest(); }

  // The header of the message; its method.
  std::string_view MessageName();
  bool Bool();
  int8_t I8();
  int16_t I16();
  int32_t I32();
  int64_t I64();
  double Double();
  std::string_view String();
  // Lists and sets. Elements follow, each read with the call for its type.
  List ListBegin();
  void Skip(ThriftType type, int depth);

 private:
  void Fail(ThriftError error);
  uint8_t Byte();
  uint64_t Varint();
  uint64_t OddVarint();
  uint32_t Size();  // checked for its sign only
  std::string_view Take(uint32_t size);
  void SkipMap(int depth);
  ThriftType FromCompact(uint8_t code);
  template <typename T>
  T Fixed();

  ThriftProtocol protocol_;
  ByteReader bytes_;
  ThriftError error_ = ThriftError::kNone;
  bool bool_in_field_ = false;  // compact: the header of the last field was its value
  bool bool_value_ = false;
};

// For a switch over (id, type): a field of another type is as unknown as another id.
constexpr uint32_t Key(int16_t id, ThriftType type) {
  return static_cast<uint32_t>(static_cast<uint16_t>(id)) << 8 | static_cast<uint32_t>(type);
}

inline uint32_t ThriftReader::Struct::key() const { return Key(id_, type_); }

// For logs.
std::string_view Describe(ThriftError error);

}  // namespace tracelet::ingest
