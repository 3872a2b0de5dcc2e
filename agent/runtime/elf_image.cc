#include "agent/runtime/elf_image.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace tracelet::runtime {
namespace {

constexpr uint64_t kMaxTable = 64u << 20;  // bytes of one table

#if defined(__aarch64__)
constexpr uint32_t kRelative = R_AARCH64_RELATIVE;
#else
constexpr uint32_t kRelative = R_X86_64_RELATIVE;
#endif

}  // namespace

template <typename T>
std::vector<T> ElfImage::Read(uint64_t offset, uint64_t count) const {
  std::vector<T> array(std::min<uint64_t>(count, kMaxTable / sizeof(T)));
  const ssize_t size = pread(file_.get(), array.data(), array.size() * sizeof(T), static_cast<off_t>(offset));
  array.resize(size < 0 ? 0 : static_cast<size_t>(size) / sizeof(T));
  return array;
}

Result<ElfImage> ElfImage::Open(const std::string& path) {
  ElfImage image(UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC)));
  if (!image.file_) return SystemError("cannot read " + path);
  const auto head = image.Read<Elf64_Ehdr>(0, 1);
  if (head.empty() || std::memcmp(head[0].e_ident, ELFMAG, SELFMAG) != 0 || head[0].e_ident[EI_CLASS] != ELFCLASS64) {
    return Error{path + " is no 64-bit ELF file"};
  }
  image.segments_ = image.Read<Elf64_Phdr>(head[0].e_phoff, head[0].e_phnum);
  const auto sections = image.Read<Elf64_Shdr>(head[0].e_shoff, head[0].e_shnum);
  for (const Elf64_Shdr& section : sections) {
    if (section.sh_type == SHT_DYNSYM && section.sh_link < sections.size()) {
      image.symbols_ = image.Read<Elf64_Sym>(section.sh_offset, section.sh_size / sizeof(Elf64_Sym));
      const Elf64_Shdr& strings = sections[section.sh_link];
      image.names_ = image.Read<char>(strings.sh_offset, strings.sh_size);
    } else if (section.sh_type == SHT_RELA && (section.sh_flags & SHF_ALLOC) != 0 && image.relocations_.empty()) {
      image.relocations_ = image.Read<Elf64_Rela>(section.sh_offset, section.sh_size / sizeof(Elf64_Rela));
    }
  }
  return image;
}

std::optional<uint64_t> ElfImage::Symbol(std::string_view name) const {
  const std::string_view names(names_.data(), names_.size());
  for (const Elf64_Sym& symbol : symbols_) {
    if (symbol.st_value == 0 || symbol.st_name >= names.size()) continue;
    const std::string_view rest = names.substr(symbol.st_name);
    if (rest.starts_with(name) && rest.size() > name.size() && rest[name.size()] == '\0') return symbol.st_value;
  }
  return std::nullopt;
}

std::string ElfImage::Bytes(uint64_t address, size_t count) const {
  for (const Elf64_Phdr& segment : segments_) {
    if (segment.p_type != PT_LOAD || address < segment.p_vaddr) continue;
    const uint64_t within = address - segment.p_vaddr;
    if (within >= segment.p_filesz) continue;
    const auto bytes = Read<char>(segment.p_offset + within, std::min<uint64_t>(count, segment.p_filesz - within));
    return {bytes.begin(), bytes.end()};
  }
  return {};
}

uint32_t ElfImage::Word(uint64_t address) const {
  uint32_t word = 0;
  const std::string bytes = Bytes(address, sizeof(word));
  if (bytes.size() == sizeof(word)) std::memcpy(&word, bytes.data(), sizeof(word));
  return word;
}

uint64_t ElfImage::Pointer(uint64_t address) const {
  const auto relocation =
      std::ranges::find_if(relocations_, [&](const Elf64_Rela& one) { return one.r_offset == address; });
  if (relocation != relocations_.end()) {
    return ELF64_R_TYPE(relocation->r_info) == kRelative ? static_cast<uint64_t>(relocation->r_addend) : 0;
  }
  uint64_t pointer = 0;
  const std::string bytes = Bytes(address, sizeof(pointer));
  if (bytes.size() == sizeof(pointer)) std::memcpy(&pointer, bytes.data(), sizeof(pointer));
  return pointer;
}

std::vector<uint64_t> ElfImage::PointersTo(std::string_view text) const {
  const std::string wanted = std::string(text) + '\0';
  std::vector<uint64_t> places;
  for (const Elf64_Rela& one : relocations_) {
    if (ELF64_R_TYPE(one.r_info) != kRelative) continue;
    if (Bytes(static_cast<uint64_t>(one.r_addend), wanted.size()) == wanted) places.push_back(one.r_offset);
  }
  return places;
}

std::optional<uint64_t> ElfImage::FileOffset(uint64_t address) const {
  for (const Elf64_Phdr& segment : segments_) {
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0 || address < segment.p_vaddr) continue;
    if (address - segment.p_vaddr < segment.p_filesz) return address - segment.p_vaddr + segment.p_offset;
  }
  return std::nullopt;
}

uint64_t ElfImage::LoadAddress() const {
  const auto first = std::ranges::find_if(
      segments_, [](const Elf64_Phdr& segment) { return segment.p_type == PT_LOAD && segment.p_offset == 0; });
  return first == segments_.end() ? 0 : first->p_vaddr;
}

}  // namespace tracelet::runtime
