// The secret of an installation, from a file that all its nodes have alike. What is
// derived from it cannot be turned back into it.
#pragma once

#include <string>

#include "agent/base/result.h"
#include "agent/span/message_name.h"

namespace tracelet::peer {

struct Secrets {
  span::InstallationKey key{};  // of the ids of spans
  std::string token;            // that an agent shows to another one, as hex
};

inline constexpr size_t kMinSecretBytes = 16;

// BLAKE2b of the file's contents, without white space at its end. `path` empty: a key of
// zeros, as a single host needs no other, and no token.
Result<Secrets> ReadSecrets(const std::string& path);

}  // namespace tracelet::peer
