#include "agent/peer/installation_key.h"

#include <sodium/crypto_generichash.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>

namespace tracelet::peer {
namespace {

template <size_t kSize>
std::array<uint8_t, kSize> Derive(const std::string& secret, std::string_view use) {
  const std::string input = std::string(use) + '\0' + secret;
  std::array<uint8_t, kSize> bytes{};
  crypto_generichash(bytes.data(), bytes.size(), reinterpret_cast<const uint8_t*>(input.data()), input.size(), nullptr,
                     0);
  return bytes;
}

}  // namespace

Result<Secrets> ReadSecrets(const std::string& path) {
  Secrets secrets;
  if (path.empty()) return secrets;
  const std::ifstream file(path, std::ios::binary);
  if (!file) return Error{"peer.key_file " + path + ": " + std::strerror(errno)};
  std::ostringstream contents;
  contents << file.rdbuf();
  std::string secret = contents.str();
  secret.erase(secret.find_last_not_of(" \t\r\n") + 1);
  if (secret.size() < kMinSecretBytes) {
    return Error{"peer.key_file " + path + " has less than " + std::to_string(kMinSecretBytes) + " bytes"};
  }
  secrets.key = Derive<std::tuple_size_v<span::InstallationKey>>(secret, "tracelet span ids");
  for (const uint8_t byte : Derive<32>(secret, "tracelet peer token")) {
    std::array<char, 3> hex{};
    std::snprintf(hex.data(), hex.size(), "%02x", byte);
    secrets.token += hex.data();
  }
  return secrets;
}

}  // namespace tracelet::peer
