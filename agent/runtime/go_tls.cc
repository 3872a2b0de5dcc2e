#include "agent/runtime/go_tls.h"

#include <array>
#include <string_view>

#include "agent/runtime/go_file.h"
#include "agent/runtime/goroutines.h"

namespace tracelet::runtime {
namespace {

struct Function {
  std::string_view name;
  TlsProgram program;
};
constexpr std::array kFunctions = {Function{"crypto/tls.(*Conn).Read", TlsProgram::kGoRead},
                                   Function{"crypto/tls.(*Conn).Write", TlsProgram::kGoMoved}};

}  // namespace

Result<std::vector<TlsProbe>> FindGoTlsProbes(const std::string& file) {
  std::vector<TlsProbe> probes;
#ifdef __x86_64__
  const auto opened = GoFile::Open(file);
  if (!opened) return opened.error();
  if (!*opened) return probes;
  const GoFile& program = **opened;
  // The first fields of tls.Conn, net.TCPConn and runtime.g have been looked at for these.
  if (!GoOffsets(program.version())) return Error{"it was built by a Go that is not known"};
  std::array<std::string_view, kFunctions.size()> names;
  for (size_t i = 0; i < names.size(); ++i) names.at(i) = kFunctions.at(i).name;
  const auto functions = program.Find(names);
  if (!functions) return functions.error();
  for (const Function& function : kFunctions) {
    const auto found = functions->find(function.name);
    if (found == functions->end()) return std::vector<TlsProbe>();
    if (found->second.returns.empty() || found->second.body == 0) {
      return Error{"where the functions of crypto/tls begin and return was not found"};
    }
    if (function.program == TlsProgram::kGoRead) {
      for (const uint64_t at : found->second.returns) {
        probes.push_back({TlsProgram::kGoMoved, found->second.offset + at, false});
      }
    }
    probes.push_back({function.program, found->second.offset + found->second.body, false});
  }
#endif
  return probes;
}

}  // namespace tracelet::runtime
