#include "agent/conn/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace tracelet::conn {

std::string FormatAddress(const uint8_t (&address)[16]) {
  static constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool mapped = std::equal(kMapped.begin(), kMapped.end(), address);
  inet_ntop(mapped ? AF_INET : AF_INET6, address + (mapped ? kMapped.size() : 0), text.data(), text.size());
  return text.data();
}

}  // namespace tracelet::conn
