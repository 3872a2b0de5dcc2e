#include "agent/runtime/elf_functions.h"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "agent/base/unique_fd.h"

namespace tracelet::runtime {
namespace {

constexpr uint64_t kMaxStrings = 64u << 20;
constexpr uint64_t kMaxHeaders = 1u << 16;  // e_phnum and e_shnum are 16 bits wide
constexpr uint64_t kSymbolsAtOnce = 4096;

// `count` times a T at `offset`; fewer where the file ends.
template <typename T>
std::vector<T> ReadArray(const UniqueFd& file, uint64_t offset, uint64_t count) {
  std::vector<T> array(count);
  const ssize_t size = pread(file.get(), array.data(), count * sizeof(T), static_cast<off_t>(offset));
  array.resize(size < 0 ? 0 : static_cast<size_t>(size) / sizeof(T));
  return array;
}

// The place in the file of an address in memory.
std::optional<uint64_t> OffsetOf(const std::vector<Elf64_Phdr>& segments, uint64_t address) {
  for (const Elf64_Phdr& segment : segments) {
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
    if (address >= segment.p_vaddr && address - segment.p_vaddr < segment.p_filesz) {
      return address - segment.p_vaddr + segment.p_offset;
    }
  }
  return std::nullopt;
}

class Search {
 public:
  Search(const UniqueFd& file, const std::vector<Elf64_Phdr>& segments, std::span<const std::string_view> names)
      : file_(file), segments_(segments), names_(names) {}

  void In(const Elf64_Shdr& table, const Elf64_Shdr& strings) {
    if (strings.sh_size > kMaxStrings) return;
    const auto text = ReadArray<char>(file_, strings.sh_offset, strings.sh_size);
    const uint64_t count = table.sh_size / sizeof(Elf64_Sym);
    for (uint64_t first = 0; first < count; first += kSymbolsAtOnce) {
      const auto symbols = ReadArray<Elf64_Sym>(file_, table.sh_offset + first * sizeof(Elf64_Sym),
                                                std::min(kSymbolsAtOnce, count - first));
      if (symbols.empty()) return;
      for (const Elf64_Sym& symbol : symbols) Look(symbol, {text.data(), text.size()});
    }
  }
  [[nodiscard]] bool Done() const { return found_.size() == names_.size(); }
  ElfFunctions Take() { return std::move(found_); }

 private:
  void Look(const Elf64_Sym& symbol, std::string_view text) {
    if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_value == 0 || symbol.st_name >= text.size()) return;
    const std::string_view rest = text.substr(symbol.st_name);
    const auto name = std::ranges::find_if(names_, [&](std::string_view one) {
      return rest.size() > one.size() && rest[one.size()] == '\0' && rest.starts_with(one);
    });
    if (name == names_.end()) return;
    const auto offset = OffsetOf(segments_, symbol.st_value);
    if (!offset) return;
    const auto code = ReadArray<char>(file_, *offset, kElfCodeBytes);
    found_.try_emplace(std::string(*name), ElfFunction{*offset, std::string(code.begin(), code.end())});
  }

  const UniqueFd& file_;
  const std::vector<Elf64_Phdr>& segments_;
  const std::span<const std::string_view> names_;
  ElfFunctions found_;
};

}  // namespace

Result<ElfFunctions> FindFunctions(const std::string& path, std::span<const std::string_view> names) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return SystemError("cannot read " + path);
  const auto head = ReadArray<Elf64_Ehdr>(file, 0, 1);
  if (head.empty() || std::memcmp(head[0].e_ident, ELFMAG, SELFMAG) != 0 || head[0].e_ident[EI_CLASS] != ELFCLASS64) {
    return Error{path + " is no 64-bit ELF file"};
  }
  const auto segments = ReadArray<Elf64_Phdr>(file, head[0].e_phoff, std::min<uint64_t>(head[0].e_phnum, kMaxHeaders));
  const auto sections = ReadArray<Elf64_Shdr>(file, head[0].e_shoff, std::min<uint64_t>(head[0].e_shnum, kMaxHeaders));
  Search search(file, segments, names);
  for (const uint32_t type : {SHT_DYNSYM, SHT_SYMTAB}) {
    for (const Elf64_Shdr& section : sections) {
      if (search.Done() || section.sh_type != type || section.sh_link >= sections.size()) continue;
      search.In(section, sections[section.sh_link]);
    }
  }
  return search.Take();
}

}  // namespace tracelet::runtime
