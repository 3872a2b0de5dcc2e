#include "agent/span/message_name.h"

#include <endian.h>
#include <sodium/crypto_shorthash.h>

#include <cstring>
#include <tuple>

namespace tracelet::span {
namespace {

static_assert(std::tuple_size_v<InstallationKey> == crypto_shorthash_KEYBYTES);

// What the hash is for: one name gives unrelated numbers.
enum class Use : uint8_t { kClient = 1, kServer, kTraceHigh, kTraceLow, kUnnamed, kUnnamedTraceHigh, kUnnamedTraceLow };

// Fields in little-endian order: equal on every architecture.
class Fields {
 public:
  explicit Fields(Use use) { Put(static_cast<uint8_t>(use), 1); }
  Fields& Put(uint64_t value, size_t size) {
    value = htole64(value);
    std::memcpy(bytes_.data() + size_, &value, size);
    size_ += size;
    return *this;
  }
  [[nodiscard]] uint64_t Hash(const InstallationKey& key) const {
    uint64_t value = 0;
    static_assert(sizeof(value) == crypto_shorthash_BYTES);
    crypto_shorthash(reinterpret_cast<uint8_t*>(&value), bytes_.data(), size_, key.data());  // SipHash-2-4
    value = le64toh(value);
    return value == 0 ? 1 : value;
  }

 private:
  std::array<uint8_t, 32> bytes_{};
  size_t size_ = 0;
};

uint64_t Hash(const MessageName& name, const InstallationKey& key, Use use) {
  return Fields(use)
      .Put(MessageName::kVersion, 1)
      .Put(name.unix_socket ? 1 : 0, 1)
      .Put(name.client_base, 4)
      .Put(name.server_base, 4)
      .Put(name.offset, 8)
      .Put(name.stream_id, 4)
      .Hash(key);
}

uint64_t Hash(uint64_t fallback_id, uint64_t handle, const InstallationKey& key, Use use) {
  return Fields(use).Put(fallback_id, 8).Put(handle, 8).Hash(key);
}

}  // namespace

SpanId ClientSpanId(const MessageName& name, const InstallationKey& key) { return {Hash(name, key, Use::kClient)}; }
SpanId ServerSpanId(const MessageName& name, const InstallationKey& key) { return {Hash(name, key, Use::kServer)}; }

TraceId RootTraceId(const MessageName& name, const InstallationKey& key) {
  return {Hash(name, key, Use::kTraceHigh), Hash(name, key, Use::kTraceLow)};
}

SpanId UnnamedSpanId(uint64_t fallback_id, uint64_t handle, const InstallationKey& key) {
  return {Hash(fallback_id, handle, key, Use::kUnnamed)};
}
TraceId UnnamedTraceId(uint64_t fallback_id, uint64_t handle, const InstallationKey& key) {
  return {Hash(fallback_id, handle, key, Use::kUnnamedTraceHigh),
          Hash(fallback_id, handle, key, Use::kUnnamedTraceLow)};
}

}  // namespace tracelet::span
