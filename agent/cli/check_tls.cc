#include "agent/cli/check_tls.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string_view>

#include "agent/process/present.h"
#include "agent/runtime/tls_library.h"

namespace tracelet::cli {
namespace {

constexpr size_t kReadAtOnce = 4u << 20;
constexpr size_t kReadMost = 512u << 20;  // of one file

// What libraries without names leave in the files that contain them.
struct Trace {
  std::string_view text;
  std::string_view why;
};
constexpr Trace kTraces[] = {
    {"third_party/boringssl", "BoringSSL without the names of its functions"},
    {"BoringSSL", "BoringSSL without the names of its functions"},
    {"rustls-0.", "rustls"},
    {"rustls/src/", "rustls"},
    {"crypto/tls.(*Conn).Write", "Go's crypto/tls"},
};

std::string_view BaseName(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// What the file's bytes say it contains; empty: nothing that is known.
std::string_view FindTrace(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string window;
  std::string piece(kReadAtOnce, '\0');
  constexpr size_t kOverlap = 64;
  for (size_t read = 0; file && read < kReadMost; read += kReadAtOnce) {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    window.append(piece, 0, static_cast<size_t>(file.gcount()));
    for (const Trace& trace : kTraces) {
      if (window.find(trace.text) != std::string::npos) return trace.why;
    }
    window.erase(0, window.size() - std::min(window.size(), kOverlap));
  }
  return {};
}

// The files of one process, each looked at once for all processes.
class Files {
 public:
  // As this process can open it.
  const ProcessTls& Look(const std::string& path, std::string_view name, bool library) {
    std::error_code failed;
    const auto canonical = std::filesystem::canonical(path, failed).string();
    const auto [entry, fresh] = known_.try_emplace(failed ? path : canonical);
    ProcessTls& found = entry->second;
    if (!fresh) return found;
    const auto probes = runtime::FindTlsProbes(path);
    found.seen = probes && !probes->empty();
    if (found.seen) {
      found.what = library ? std::string(name) : "the program itself";
    } else if (const std::string_view why = FindTrace(path); !why.empty()) {
      found.what = why;
    } else if (library && runtime::MayBeTlsLibrary(name)) {
      found.what = fmt::format("{} lacks the names of its functions", name);
    }
    return found;
  }

 private:
  std::map<std::string, ProcessTls> known_;
};

// In a file of this name TLS may be.
bool IsCandidate(std::string_view path) {
  const std::string_view name = BaseName(path);
  return runtime::MayBeTlsLibrary(path) || name.starts_with("cygrpc") || name.find("tcnative") != name.npos;
}

std::optional<ProcessTls> Look(uint32_t pid, Files& files) {
  const std::string proc = "/proc/" + std::to_string(pid);
  const std::string exe = process::ExecutableOf(pid);
  if (exe.empty()) return std::nullopt;                  // of the kernel, or gone
  if (BaseName(exe) == "tracelet") return std::nullopt;  // what is looked for, it contains
  ProcessTls process{.pid = pid, .name = std::string(BaseName(exe)), .seen = false, .what = {}};
  const auto add = [&](const ProcessTls& found) {
    if (found.what.empty()) return;
    process.seen |= found.seen;
    process.what +=
        (process.what.empty() ? "" : ", ") + (found.seen ? "" : "not: " + found.what) + (found.seen ? found.what : "");
  };
  add(files.Look(proc + "/exe", process.name, false));
  for (const auto& [name, path] : process::MappedFiles(pid)) {
    if (IsCandidate(name)) add(files.Look(path, BaseName(name), true));
  }
  if (process.name == "java") add(ProcessTls{.name = {}, .what = "Java's own TLS"});
  if (process.what.empty()) return std::nullopt;
  return process;
}

}  // namespace

std::vector<ProcessTls> CheckProcesses(size_t& others) {
  std::vector<ProcessTls> processes;
  Files files;
  others = 0;
  for (const uint32_t pid : process::PresentProcesses()) {
    if (auto process = Look(pid, files)) {
      processes.push_back(std::move(*process));
    } else {
      ++others;
    }
  }
  std::ranges::sort(processes, {}, &ProcessTls::pid);
  return processes;
}

std::string RenderProcesses(const std::vector<ProcessTls>& processes, size_t others) {
  std::string text = "\nencrypted requests of running processes\n";
  for (const ProcessTls& process : processes) {
    text += fmt::format("{:<8} {:>8} {:<16} {}\n", process.seen ? "seen" : "not seen", process.pid, process.name,
                        process.what);
  }
  text += fmt::format("no TLS library found in {} more; QUIC (HTTP/3) is never seen\n", others);
  return text;
}

}  // namespace tracelet::cli
