#include "agent/runtime/loops.h"

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "agent/runtime/elf_functions.h"

namespace tracelet::runtime {
namespace {

constexpr std::string_view kRunTimers = "_ZN4node11Environment9RunTimersEP10uv_timer_s";
constexpr std::string_view kCheckImmediate = "_ZN4node11Environment14CheckImmediateEP10uv_check_s";
constexpr std::string_view kAsyncIo = "uv__async_io";
constexpr std::string_view kUvVersion = "uv_version";
constexpr std::string_view kProcessPosted = "ngx_event_process_posted";
// HAProxy exports them for Lua and dlopen(); the last one since 2.6, before which streams of applets begin unseen.
constexpr std::string_view kStreamInit = "flt_stream_init";
constexpr std::string_view kProcessStream = "process_stream";
constexpr std::string_view kAppletStartup = "appctx_finalize_startup";

// From 1.49.0 on libuv no longer reads its eventfd at each wake-up, so the read does not
// tell. The oldest is that of Node 12; nothing older was tried.
constexpr uint32_t kEventfdReadSince = 1u << 16 | 34u << 8;
constexpr uint32_t kEventfdReadUntil = 1u << 16 | 49u << 8;

std::string_view BaseName(std::string_view path) {
  path = path.substr(0, path.find(" (deleted)"));
  return path.substr(path.rfind('/') + 1);
}

// The path, as this process can open it, of a mapped file whose name begins so; empty when there is none.
std::string Mapped(const std::string& proc, std::string_view name) {
  std::ifstream maps(proc + "/maps");
  for (std::string line; std::getline(maps, line);) {
    const size_t slash = line.find('/');
    if (slash == std::string::npos || !BaseName(std::string_view(line).substr(slash)).starts_with(name)) continue;
    return proc + "/root" + line.substr(slash);
  }
  return {};
}

// SQPOLL rings take file operations from libuv and give their results back without a system
// call (libuv 1.45 and later, where it is switched on). proc(5): fdinfo of a ring has SqThread.
bool HasPolledRing(const std::string& proc) {
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(proc + "/fd", failed)) {
    if (std::filesystem::read_symlink(entry.path(), failed) != "anon_inode:[io_uring]") continue;
    std::ifstream info(proc + "/fdinfo/" + entry.path().filename().string());
    bool known = false;
    for (std::string line; std::getline(info, line);) known |= line.starts_with("SqThread:\t-1");
    if (!known) return true;
  }
  return false;
}

// Does libuv itself show when its thread pool is done? A probe, if it does not.
Status AddPool(const std::string& file, const std::string& libuv, std::vector<LoopProbe>& probes) {
  const auto version = FindFunctions(libuv, std::array{kUvVersion});
  if (!version) return version.error();
  const auto code = version->find(kUvVersion);
  const uint32_t uv = code == version->end() ? 0 : UvVersion(code->second.code);
  if (uv >= kEventfdReadSince && uv < kEventfdReadUntil) return Ok();
  if (libuv == file) {
    const auto own = FindFunctions(file, std::array{kAsyncIo});
    if (!own) return own.error();
    if (const auto async = own->find(kAsyncIo); async != own->end()) {
      probes.push_back({LoopProgram::kPool, async->second.offset});
      return Ok();
    }
  }
  return Error{"its libuv does not show when its thread pool is done: it is 1.49 or newer, or unknown, and stripped"};
}

Result<LoopProbes> FindNode(const std::string& proc) {
  LoopProbes found{.file = proc + "/exe", .probes = {}};
  constexpr std::array kNames = {kRunTimers, kCheckImmediate};
  auto functions = FindFunctions(found.file, kNames);
  if (!functions) return functions.error();
  if (functions->empty()) {  // Debian: node is a small program around libnode.so
    found.file = Mapped(proc, "libnode.so");
    if (found.file.empty()) return Error{"it has no symbols of node's (Environment::RunTimers)"};
    functions = FindFunctions(found.file, kNames);
    if (!functions) return functions.error();
  }
  if (functions->size() != kNames.size()) return Error{"it lacks Environment::RunTimers or CheckImmediate"};
  if (HasPolledRing(proc)) return Error{"it uses io_uring with a polling thread"};
  const std::string shared = Mapped(proc, "libuv.so");
  if (Status pool = AddPool(found.file, shared.empty() ? found.file : shared, found.probes); !pool) {
    return pool.error();
  }
  found.probes.push_back({LoopProgram::kTimers, functions->find(kRunTimers)->second.offset});
  found.probes.push_back({LoopProgram::kTurn, functions->find(kCheckImmediate)->second.offset});
  return found;
}

Result<LoopProbes> FindNginx(const std::string& proc) {
  LoopProbes found{.file = proc + "/exe", .probes = {}};
  const auto functions = FindFunctions(found.file, std::array{kProcessPosted});
  if (!functions) return functions.error();
  if (functions->empty()) return Error{"it does not export ngx_event_process_posted"};
  found.probes.push_back({LoopProgram::kTurnAlone, functions->begin()->second.offset});
  return found;
}

Result<LoopProbes> FindHaproxy(const std::string& proc) {
  LoopProbes found{.file = proc + "/exe", .probes = {}};
  const auto functions = FindFunctions(found.file, std::array{kStreamInit, kAppletStartup, kProcessStream});
  if (!functions) return functions.error();
  if (functions->size() != 3) return Error{"it is older than 2.6, or stripped of its names"};
  found.probes.push_back({LoopProgram::kApplet, functions->find(kAppletStartup)->second.offset});
  found.probes.push_back({LoopProgram::kStreamMade, functions->find(kStreamInit)->second.offset});
  found.probes.push_back({LoopProgram::kStreamRuns, functions->find(kProcessStream)->second.offset});
  return found;
}

}  // namespace

LoopKind LoopKindOf(std::string_view exe) {
  const std::string_view name = BaseName(exe);
  if (name == "nginx") return LoopKind::kNginx;
  if (name == "haproxy") return LoopKind::kHaproxy;
  return name == "node" || name == "nodejs" ? LoopKind::kNode : LoopKind::kNone;
}

Result<LoopProbes> FindLoopProbes(LoopKind kind, const std::string& proc) {
  switch (kind) {
    case LoopKind::kNode:
      return FindNode(proc);
    case LoopKind::kHaproxy:
      return FindHaproxy(proc);
    default:
      return FindNginx(proc);
  }
}

// x86-64: [endbr64] [push %rbp; mov %rsp,%rbp] mov $VERSION,%eax.
uint32_t UvVersion(std::string_view code) {
  for (const std::string_view prologue : {"\xf3\x0f\x1e\xfa", "\x55\x48\x89\xe5"}) {
    if (code.starts_with(prologue)) code.remove_prefix(prologue.size());
  }
  uint32_t version = 0;
  if (code.size() < 1 + sizeof(version) || code[0] != '\xb8') return 0;
  std::memcpy(&version, code.data() + 1, sizeof(version));
  return version;
}

}  // namespace tracelet::runtime
