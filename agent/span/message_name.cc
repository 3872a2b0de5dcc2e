#include "agent/span/message_name.h"

#include <endian.h>
#include <sodium/crypto_shorthash_siphash24.h>

#include <cstring>
#include <tuple>

namespace tracelet::span {
namespace {

static_assert(std::tuple_size_v<InstallationKey> == crypto_shorthash_siphashx24_KEYBYTES);

// What the hash is of.
enum class Of : uint8_t { kName = 1, kUnnamed };

uint64_t NotZero(uint64_t value) { return value == 0 ? 1 : value; }

// Fields in little-endian order: equal on every architecture.
class Fields {
 public:
  explicit Fields(Of what) { Put(static_cast<uint8_t>(what), 1); }
  Fields& Put(uint64_t value, size_t size) {
    value = htole64(value);
    std::memcpy(bytes_.data() + size_, &value, size);
    size_ += size;
    return *this;
  }
  [[nodiscard]] TraceId Hash(const InstallationKey& key) const {
    std::array<uint64_t, 2> hash{};
    static_assert(sizeof(hash) == crypto_shorthash_siphashx24_BYTES);
    crypto_shorthash_siphashx24(reinterpret_cast<uint8_t*>(hash.data()), bytes_.data(), size_, key.data());
    return {.high = le64toh(hash[0]), .low = le64toh(hash[1])};
  }

 private:
  std::array<uint8_t, 32> bytes_{};
  size_t size_ = 0;
};

}  // namespace

// One hash for all: of two numbers that have nothing to do with each other, neither has their sum or difference.
RequestIds::RequestIds(TraceId hash)
    : trace{NotZero(hash.high), NotZero(hash.low)},
      client{NotZero(hash.high + hash.low)},
      server{NotZero(hash.high - hash.low)} {}

RequestIds IdsOf(const MessageName& name, const InstallationKey& key) {
  return RequestIds(Fields(Of::kName)
                        .Put(MessageName::kVersion, 1)
                        .Put(name.unix_socket ? 1 : 0, 1)
                        .Put(name.client_base, 4)
                        .Put(name.server_base, 4)
                        .Put(name.offset, 8)
                        .Put(name.stream_id, 4)
                        .Hash(key));
}

RequestIds IdsOf(uint64_t fallback_id, uint64_t handle, const InstallationKey& key) {
  return RequestIds(Fields(Of::kUnnamed).Put(fallback_id, 8).Put(handle, 8).Hash(key));
}

}  // namespace tracelet::span
