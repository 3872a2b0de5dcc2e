// Addresses as people write them.
#pragma once

#include <cstdint>
#include <string>

namespace tracelet::conn {

// 16 bytes in network order, IPv4 as ::ffff:a.b.c.d -> "a.b.c.d" or RFC 5952 IPv6.
std::string FormatAddress(const uint8_t (&address)[16]);

}  // namespace tracelet::conn
