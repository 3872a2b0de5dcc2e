#include "agent/runtime/tls_library.h"

#include <algorithm>
#include <array>

#include "agent/runtime/elf_functions.h"
#include "agent/runtime/go_tls.h"

namespace tracelet::runtime {
namespace {

struct Function {
  std::string_view name;
  TlsProgram program;
};

// ssl.h of OpenSSL 1.1 and 3, LibreSSL and BoringSSL; gnutls.h.
constexpr std::array kFunctions = {
    Function{"SSL_read", TlsProgram::kRead},
    Function{"SSL_read_ex", TlsProgram::kReadEx},
    Function{"SSL_write", TlsProgram::kWrite},
    Function{"SSL_write_ex", TlsProgram::kWriteEx},
    Function{"SSL_do_handshake", TlsProgram::kHandshake},
    Function{"SSL_connect", TlsProgram::kHandshake},  // SSL_do_handshake() may be inlined there
    Function{"SSL_accept", TlsProgram::kHandshake},
    Function{"SSL_free", TlsProgram::kFree},
    Function{"gnutls_record_recv", TlsProgram::kRead},
    Function{"gnutls_record_send", TlsProgram::kWrite},
    Function{"gnutls_handshake", TlsProgram::kHandshake},
    Function{"gnutls_deinit", TlsProgram::kFree},
};

}  // namespace

bool MayBeTlsLibrary(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  constexpr std::array<std::string_view, 3> kBegins = {"libssl", "libgnutls", "libnetty_tcnative"};
  return std::ranges::any_of(kBegins, [&](std::string_view one) { return name.starts_with(one); }) &&
         name.find(".so") != std::string_view::npos;
}

Result<std::vector<TlsProbe>> FindTlsProbes(const std::string& file) {
  std::array<std::string_view, kFunctions.size()> names;
  std::ranges::transform(kFunctions, names.begin(), &Function::name);
  auto go = FindGoTlsProbes(file);
  if (go && !go->empty()) return go;
  const auto functions = FindFunctions(file, names);
  if (!functions) return functions.error();
  std::vector<TlsProbe> probes;
  const auto has = [&](TlsProgram one) { return std::ranges::count(probes, one, &TlsProbe::program) > 0; };
  for (const Function& function : kFunctions) {
    const auto found = functions->find(function.name);
    if (found == functions->end()) continue;
    probes.push_back({function.program, found->second.offset, function.program != TlsProgram::kFree});
  }
  // A session whose end is not seen may leave its address to another.
  const bool reads = has(TlsProgram::kRead) || has(TlsProgram::kReadEx);
  const bool writes = has(TlsProgram::kWrite) || has(TlsProgram::kWriteEx);
  if (!reads || !writes || !has(TlsProgram::kHandshake) || !has(TlsProgram::kFree)) probes.clear();
  return probes;
}

}  // namespace tracelet::runtime
