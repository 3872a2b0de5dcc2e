// What a 64-bit ELF file says of itself: its exported symbols, and the data that it begins
// with. The file is of another process and may change at any time, so it is read, not mapped.
// One thread.
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

class ElfImage {
 public:
  static Result<ElfImage> Open(const std::string& path);

  // Addresses as in the file: a process adds where it has loaded it, see LoadAddress().
  // Of an exported symbol (.dynsym).
  [[nodiscard]] std::optional<uint64_t> Symbol(std::string_view name) const;
  // The bytes at an address; fewer where its segment ends in the file.
  [[nodiscard]] std::string Bytes(uint64_t address, size_t count) const;
  [[nodiscard]] uint32_t Word(uint64_t address) const;
  // The address that the pointer there holds once the file is loaded; 0: none into this file.
  [[nodiscard]] uint64_t Pointer(uint64_t address) const;
  // Where the pointers to this text lie, of those that the linker sets when it loads the file.
  [[nodiscard]] std::vector<uint64_t> PointersTo(std::string_view text) const;
  // The place in the file of a function.
  [[nodiscard]] std::optional<uint64_t> FileOffset(uint64_t address) const;
  // The address of the file's first byte in memory, as in the file; 0 for what is loaded anywhere.
  [[nodiscard]] uint64_t LoadAddress() const;

 private:
  explicit ElfImage(UniqueFd file) : file_(std::move(file)) {}
  template <typename T>
  std::vector<T> Read(uint64_t offset, uint64_t count) const;

  UniqueFd file_;
  std::vector<Elf64_Phdr> segments_;
  std::vector<Elf64_Sym> symbols_;
  std::vector<char> names_;
  std::vector<Elf64_Rela> relocations_;
};

}  // namespace tracelet::runtime
