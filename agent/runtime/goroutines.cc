#include "agent/runtime/goroutines.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "agent/runtime/go_grpc.h"

namespace tracelet::runtime {
namespace {

constexpr int kOldestMinor = 21;  // the first with g.parentGoid

// runtime.waitReason, runtime/runtime2.go, by name.
struct WaitReasons {
  uint32_t semaphore;
  uint32_t sleep;
  uint32_t mutex;  // RWMutex for reading, for writing follow it
  uint32_t wait_group;
  uint32_t collection;  // the garbage collector's: it hides what was before
  uint32_t assist;
  uint32_t preempted;  // two behind it: mark termination, stopping the world, flushing caches
};
constexpr uint32_t kNeverWaited = 0;
constexpr uint32_t kAssistMarking = 1;
constexpr uint32_t kIoWait = 2;

// As DWARF says of programs that Go 1.N.0 and the last 1.N that was there (1.21.13, 1.22.12, 1.23.12, 1.24.13,
// 1.25.8, 1.26.8, 1.27.4) have built.
struct Layout {
  int minor;
  uint32_t goid;  // in runtime.g
  uint32_t parent_goid;
  uint32_t wait_reason;
  WaitReasons waits;
  uint32_t raw_input;  // in crypto/tls.Conn
};
constexpr std::array kLayouts = {
    Layout{21, 152, 272, 176, {18, 19, 21, 18, 6, 11, 28}, 680},
    Layout{22, 152, 272, 176, {18, 19, 21, 18, 6, 11, 28}, 680},
    Layout{23, 160, 280, 184, {18, 19, 21, 18, 6, 11, 28}, 688},
    Layout{24, 160, 280, 184, {18, 19, 21, 24, 6, 11, 29}, 688},
    Layout{25, 152, 272, 176, {19, 20, 22, 25, 6, 11, 30}, 672},
    Layout{26, 152, 280, 176, {13, 14, 22, 25, 4, 7, 30}, 672},
    Layout{27, 152, 280, 176, {13, 14, 22, 25, 4, 7, 30}, 696},
};
constexpr uint32_t kConn = 80;  // in net/http.persistConn, in all of them
constexpr uint32_t kTlsState = 96;

constexpr std::string_view kSyscall = "\x0f\x05";
constexpr std::string_view kNewProc = "runtime.newproc1";
constexpr std::string_view kCall = "net/http.(*Transport).roundTrip";
constexpr std::string_view kTlsRead = "crypto/tls.(*Conn).Read";  // probed by go_tls.h
constexpr std::string_view kTlsWrite = "crypto/tls.(*Conn).Write";
constexpr std::string_view kRoundTrip = "net/http.(*persistConn).roundTrip";
// Its name has moved: the first is Go 1.26's, the last Go 1.23's.
constexpr std::array<std::string_view, 3> kSyscalls = {"internal/runtime/syscall/linux.Syscall6",
                                                       "internal/runtime/syscall.Syscall6",
                                                       "runtime/internal/syscall.Syscall6"};
// Started for the request that needs a connection, and kept for others.
constexpr std::array<std::string_view, 2> kLoops = {"net/http.(*persistConn).readLoop",
                                                    "net/http.(*persistConn).writeLoop"};
// Started for one call over HTTP/2.
constexpr std::array<std::string_view, 3> kCalls = {"net/http.(*http2clientStream).doRequest",
                                                    "net/http/internal/http2.(*clientStream).doRequest",
                                                    "golang.org/x/net/http2.(*clientStream).doRequest"};
// Begins the goroutine that serves one of HTTP/2.
constexpr std::array<std::string_view, 3> kServes = {"net/http.(*http2serverConn).runHandler",
                                                     "net/http/internal/http2.(*serverConn).runHandler",
                                                     "golang.org/x/net/http2.(*serverConn).runHandler"};

}  // namespace

std::optional<go_program> GoOffsets(const GoVersion& version) {
  if (version.major != 1 || !version.released) return std::nullopt;
  for (const Layout& layout : kLayouts) {
    if (layout.minor != version.minor) continue;
    go_program offsets = {};
    offsets.goid = layout.goid;
    offsets.parent_goid = layout.parent_goid;
    offsets.wait_reason = layout.wait_reason;
    const WaitReasons& waits = layout.waits;
    for (const uint32_t reason : {kNeverWaited, kIoWait, waits.semaphore, waits.sleep, waits.mutex, waits.mutex + 1,
                                  waits.mutex + 2, waits.wait_group, kAssistMarking, waits.collection, waits.assist,
                                  waits.preempted, waits.preempted + 2, waits.preempted + 3, waits.preempted + 4}) {
      offsets.harmless_waits |= uint64_t{1} << reason;
    }
    offsets.conn = kConn;
    offsets.tls_state = kTlsState;
    offsets.raw_input = layout.raw_input;
    return offsets;
  }
  return std::nullopt;
}

Result<GoProbes> FindGoProbes(const GoFile& file) {
#ifndef __x86_64__
  return Error{"goroutines are followed on x86-64 only"};
#endif
  const GoVersion& version = file.version();
  if (version.major <= 1 && version.minor < kOldestMinor) return Error{"it was built by a Go older than 1.21"};
  const auto offsets = GoOffsets(version);
  if (!offsets) return Error{"it was built by a Go that is not known: a newer, or not a released one"};

  std::vector<std::string_view> names = {kNewProc, kCall, kRoundTrip, kTlsRead, kTlsWrite};
  names.insert(names.end(), kSyscalls.begin(), kSyscalls.end());
  names.insert(names.end(), kLoops.begin(), kLoops.end());
  names.insert(names.end(), kCalls.begin(), kCalls.end());
  names.insert(names.end(), kServes.begin(), kServes.end());
  const auto functions = file.Find(names);
  if (!functions) return functions.error();

  GoProbes found{.program = *offsets, .probes = {}, .takers = {}};
  std::optional<uint64_t> syscall;
  for (const std::string_view name : kSyscalls) {
    const auto function = functions->find(name);
    if (function == functions->end()) continue;
    const size_t at = function->second.code.find(kSyscall);
    if (at == std::string::npos || function->second.code.find(kSyscall, at + 1) != std::string::npos) continue;
    syscall = function->second.address + at + kSyscall.size();
  }
  if (!syscall) return Error{"its runtime's SYSCALL instruction was not found"};
  found.program.syscall_end = *syscall;

  const auto start = functions->find(kNewProc);
  if (start == functions->end() || start->second.returns.empty()) {
    return Error{"the returns of runtime.newproc1 were not found"};
  }
  for (const uint64_t at : start->second.returns)
    found.probes.push_back({GoProgram::kStarted, start->second.offset + at});
  const auto probe = [&](std::string_view name, GoProgram program) {
    const auto function = functions->find(name);
    if (function != functions->end()) found.probes.push_back({program, function->second.offset});
  };
  for (const std::string_view name : kLoops) probe(name, GoProgram::kServesMany);
  for (const std::string_view name : kCalls) probe(name, GoProgram::kOneCall);
  for (const std::string_view name : kServes) probe(name, GoProgram::kHttp2Served);
  probe(kCall, GoProgram::kCall);
  probe(kRoundTrip, GoProgram::kRoundTrip);
  if (const auto call = functions->find(kCall); call != functions->end()) {
    found.program.call = call->second.address;
    found.program.call_size = call->second.code.size();
  }
  const auto read = functions->find(kTlsRead);
  const auto write = functions->find(kTlsWrite);
  if (read != functions->end() && write != functions->end()) {
    found.program.tls_read = read->second.address;
    found.program.tls_read_size = read->second.code.size();
    found.program.tls_write = write->second.address + write->second.body;
  }
  auto takers = FindTakers(file);
  if (!takers) return takers.error();
  found.takers = std::move(*takers);
  if (const auto added = AddGrpcProbes(file, found); !added) return added.error();
  return found;
}

}  // namespace tracelet::runtime
