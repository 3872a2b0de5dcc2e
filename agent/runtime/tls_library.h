// What is known of TLS libraries: which of their functions must be probed so that plaintext
// is seen (bpf/tls.h says what the probes mean). By name alone: a library that is stripped
// of the names cannot be probed. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace tracelet::runtime {

// The programs of bpf/tls.bpf.c and bpf/tls_go.h.
enum class TlsProgram : uint8_t { kRead, kReadEx, kWrite, kWriteEx, kHandshake, kFree, kGoRead, kGoMoved };

struct TlsProbe {
  TlsProgram program = TlsProgram::kRead;
  uint64_t offset = 0;   // in the file
  bool returns = false;  // where it returns is to be probed as well
};

// By the name of a mapped file: OpenSSL's, LibreSSL's or GnuTLS's library, or netty's BoringSSL.
bool MayBeTlsLibrary(std::string_view path);

// Of an ELF file, library or program, Go's too. Empty: none there, or not enough to see anything by.
Result<std::vector<TlsProbe>> FindTlsProbes(const std::string& file);

}  // namespace tracelet::runtime
