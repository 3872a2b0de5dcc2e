// A Go executable: which Go built it, and where its functions are, stripped or not. Both come
// from sections that Go itself reads at run time: .go.buildinfo (debug/buildinfo of Go) and
// .gopclntab (debug/gosym, runtime/symtab.go). Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/result.h"
#include "agent/runtime/elf_file.h"

namespace tracelet::runtime {

struct GoVersion {
  int major = 0;
  int minor = 0;
  bool released = false;  // "go1.26.8", not a development version or one with experiments
};

struct GoFunction {
  uint64_t address = 0;  // as linked
  uint64_t offset = 0;   // in the file
  std::string code;      // whole, with padding
  // Where it returns, from `offset` on: the instructions with which its stack is empty again. None for
  // functions that need no stack.
  std::vector<uint64_t> returns;
  // Behind the prologue's check whether the stack is large enough, from `offset` on: the first instruction with a
  // stack, of kFramePointer bytes. 0 when there is none.
  uint64_t body = 0;
  static constexpr int64_t kFramePointer = 8;
};

class GoFile {
 public:
  static constexpr uint64_t kMaxTable = 128u << 20;  // .gopclntab; kubelet's has 30 MiB
  static constexpr uint64_t kMaxFunction = 1u << 16;

  // An empty result for what is no Go program.
  static Result<std::optional<GoFile>> Open(const std::string& path);

  [[nodiscard]] const GoVersion& version() const { return version_; }
  // Version of a module that is linked in, "v1.64.0"; empty when it is not, or is replaced.
  [[nodiscard]] std::string_view Module(std::string_view path) const;
  struct Entry {
    std::string_view name;
    uint64_t address = 0;
    uint64_t size = 0;
    std::string_view stack;  // its depth by address: the runtime's table pcsp
  };
  // In the order of addresses.
  using Visit = std::function<void(const Entry& entry)>;
  [[nodiscard]] Result<bool> ForEach(const Visit& visit) const;
  // Those of `names` that are there.
  [[nodiscard]] Result<std::map<std::string, GoFunction, std::less<>>> Find(
      std::span<const std::string_view> names) const;

  // Addresses of the code, and bytes of it; fewer where it ends.
  [[nodiscard]] std::pair<uint64_t, uint64_t> Code() const;
  [[nodiscard]] std::string ReadCode(uint64_t address, uint64_t size) const;

 private:
  explicit GoFile(ElfFile elf) : elf_(std::move(elf)) {}
  [[nodiscard]] std::optional<uint64_t> TextStart(const Elf64_Shdr& table) const;

  ElfFile elf_;
  GoVersion version_;
  std::string modules_;  // runtime/debug.BuildInfo as text
};

// "go1.26.8" and the like.
GoVersion ParseGoVersion(std::string_view text);

}  // namespace tracelet::runtime
