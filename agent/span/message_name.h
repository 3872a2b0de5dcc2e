// The name of one HTTP message: equal on the sender's and the receiver's side,
// on every host, without a byte changed (DESIGN §5).
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "agent/span/ids.h"

namespace tracelet::span {

// A request's name, always written from the client's point of view, so that both
// ends build the same one: a server swaps its bases.
// TCP: the bases are the sequence numbers of the first data byte of each direction.
// Unix: client_base is the sockfs inode of the client's end and `unix_socket` is set;
// server_base is 0, because the client may write before the server's end exists.
struct MessageName {
  static constexpr uint8_t kVersion = 1;

  uint32_t client_base = 0;
  uint32_t server_base = 0;
  uint64_t offset = 0;     // stream offset of the request's first byte
  uint32_t stream_id = 0;  // HTTP/2; 0 in HTTP/1
  bool unix_socket = false;

  bool operator==(const MessageName&) const = default;
};

// 16 bytes shared by all agents of one installation.
using InstallationKey = std::array<uint8_t, 16>;

// The two ends of a call get different ids, and both ends the same trace: the one that begins with
// this request when nothing else names one. Never 0.
struct RequestIds {
  explicit RequestIds(TraceId hash);

  TraceId trace;
  SpanId client;
  SpanId server;
};

// SipHash-2-4 of 128 bits of the name.
RequestIds IdsOf(const MessageName& name, const InstallationKey& key);
// For requests without a name. `fallback_id` and `handle` together are unique on this host.
RequestIds IdsOf(uint64_t fallback_id, uint64_t handle, const InstallationKey& key);

}  // namespace tracelet::span

template <>
struct std::hash<tracelet::span::MessageName> {
  size_t operator()(const tracelet::span::MessageName& name) const {
    uint64_t mixed = (uint64_t{name.client_base} << 32 | name.server_base) * 0x9e3779b97f4a7c15ULL;
    mixed ^= (name.offset + name.stream_id) * 0xc2b2ae3d27d4eb4fULL;
    return std::hash<uint64_t>{}(mixed ^ mixed >> 29);
  }
};
