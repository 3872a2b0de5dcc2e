// Appends protocol buffer fields to a string, in the order of the calls. As in proto3 a
// scalar that is zero or empty is left out; a message is always written, and so is the
// chosen field of a oneof.
// Wire format: protobuf.dev/programming-guides/encoding.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace tracelet::exporter::wire {

class ProtobufWriter {
 public:
  explicit ProtobufWriter(std::string& out) : out_(out) {}

  // int32, int64, uint32, uint64, bool, enum; negative numbers are sign-extended by the caller.
  void Varint(uint32_t field, uint64_t value) {
    if (value != 0) ChosenVarint(field, value);
  }
  void Fixed32(uint32_t field, uint32_t value) {
    if (value == 0) return;
    Header(field, kFixed32);
    AppendFixed(value);
  }
  void Fixed64(uint32_t field, uint64_t value) {
    if (value != 0) ChosenFixed64(field, value);
  }
  void Double(uint32_t field, double value) {
    if (value != 0) ChosenDouble(field, value);
  }
  void Bytes(uint32_t field, std::string_view value) {
    if (!value.empty()) Message(field, value);
  }
  void ChosenVarint(uint32_t field, uint64_t value) {
    Header(field, kVarint);
    AppendVarint(out_, value);
  }
  void ChosenDouble(uint32_t field, double value) { ChosenFixed64(field, std::bit_cast<uint64_t>(value)); }
  // An encoded message, or the chosen text of a oneof.
  void Message(uint32_t field, std::string_view message) {
    Header(field, kLengthDelimited);
    AppendVarint(out_, message.size());
    out_.append(message);
  }
  // A message whose fields body() appends.
  template <typename Body>
  void Nested(uint32_t field, Body&& body) {
    Header(field, kLengthDelimited);
    const size_t begin = out_.size();
    out_.push_back(0);  // the length, of one byte in most cases
    body();
    const size_t length = out_.size() - begin - 1;
    if (length < 0x80) {
      out_[begin] = static_cast<char>(length);
      return;
    }
    std::string encoded;  // short enough to be kept inside
    AppendVarint(encoded, length);
    out_.replace(begin, 1, encoded);
  }

 private:
  static constexpr uint32_t kVarint = 0;
  static constexpr uint32_t kFixed64 = 1;
  static constexpr uint32_t kLengthDelimited = 2;
  static constexpr uint32_t kFixed32 = 5;

  void ChosenFixed64(uint32_t field, uint64_t value) {
    Header(field, kFixed64);
    AppendFixed(value);
  }
  template <typename T>  // little-endian
  void AppendFixed(T value) {
    char bytes[sizeof(T)];
    for (size_t i = 0; i < sizeof(T); ++i) bytes[i] = static_cast<char>(value >> (8 * i));
    out_.append(bytes, sizeof(T));
  }

  void Header(uint32_t field, uint32_t type) { AppendVarint(out_, field << 3 | type); }
  static void AppendVarint(std::string& out, uint64_t value) {
    if (value < 0x80) return out.push_back(static_cast<char>(value));
    char bytes[10];  // of 64 bits
    size_t size = 0;
    for (; value >= 0x80; value >>= 7) bytes[size++] = static_cast<char>(value | 0x80);
    bytes[size++] = static_cast<char>(value);
    out.append(bytes, size);
  }

  std::string& out_;
};

}  // namespace tracelet::exporter::wire
