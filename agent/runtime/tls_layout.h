// Where OpenSSL and BoringSSL keep what bpf/tls_memory.h reads, which every version does elsewhere: the library's own
// functions that say it are so short that their code tells. What is not understood is not
// known, and then messages that are encrypted in memory have no position. x86-64. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tracelet::runtime {

// In bytes; all known or none.
struct TlsLayout {
  uint32_t rbio = 0;         // in SSL
  uint32_t wbio = 0;         // in SSL
  uint32_t read_ahead = 0;   // in SSL, an int; 0: it never reads ahead
  uint32_t bio_read = 0;     // in BIO
  uint32_t bio_written = 0;  // in BIO
};

// Of a library, or of a program that contains one. `root` leads to the files that its process sees: the library's
// other half (libcrypto) is looked for beside it, where `name` is what the process calls it.
std::optional<TlsLayout> FindTlsLayout(const std::string& path, const std::string& root, const std::string& name);

// The code of a function with one argument, a pointer to a struct, that returns one of its fields: the
// field's place, or 0 if it returns 0. Of what it asks before, it is assumed that the struct is there and that other
// fields are 0. Empty: it is not such a function.
std::optional<uint32_t> FieldOf(std::string_view code);

}  // namespace tracelet::runtime
