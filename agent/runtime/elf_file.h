// An ELF file's sections and segments. The file is of another process and may change at any
// time, so it is read, not mapped. 64-bit files of this machine's byte order. Any thread.
#pragma once

#include <elf.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "agent/base/unique_fd.h"

namespace tracelet::runtime {

class ElfFile {
 public:
  static Result<ElfFile> Open(const std::string& path);

  // Null when there is none of this name.
  [[nodiscard]] const Elf64_Shdr* Section(std::string_view name) const;
  // At most `limit` bytes of it; fewer where the file ends.
  [[nodiscard]] std::string Read(const Elf64_Shdr& section, uint64_t limit) const;
  [[nodiscard]] std::string ReadAt(uint64_t offset, uint64_t size) const;

  // Where in the file an address in memory lies.
  [[nodiscard]] std::optional<uint64_t> OffsetOf(uint64_t address) const;
  // How far from its addresses a process that runs it has it in memory; empty when it does not.
  [[nodiscard]] std::optional<uint64_t> BiasIn(uint32_t tgid) const;

 private:
  explicit ElfFile(UniqueFd file) : file_(std::move(file)) {}

  UniqueFd file_;
  std::vector<Elf64_Phdr> segments_;
  std::vector<Elf64_Shdr> sections_;
  std::string names_;
};

}  // namespace tracelet::runtime
