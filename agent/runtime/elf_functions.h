// Where functions of an ELF file are, by name: what a uprobe needs. The file is of another
// process and may change at any time, so it is read, not mapped. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace tracelet::runtime {

struct ElfFunction {
  uint64_t offset = 0;  // in the file
  std::string code;     // its first bytes, at most kElfCodeBytes
};
inline constexpr size_t kElfCodeBytes = 64;

using ElfFunctions = std::map<std::string, ElfFunction, std::less<>>;

// Those of `names` that the file defines: in .dynsym, or, if some are missing there, in
// .symtab. 64-bit files of this machine's byte order, string tables up to 64 MiB.
Result<ElfFunctions> FindFunctions(const std::string& path, std::span<const std::string_view> names);

}  // namespace tracelet::runtime
