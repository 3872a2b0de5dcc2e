#include "agent/runtime/elf_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

namespace tracelet::runtime {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kMaxNames = 1u << 20;
constexpr uint64_t kMaxHeaders = 1u << 16;  // e_phnum and e_shnum are 16 bits wide

template <typename T>
std::vector<T> Records(const std::string& bytes) {
  std::vector<T> records(bytes.size() / sizeof(T));
  if (!records.empty()) std::memcpy(records.data(), bytes.data(), records.size() * sizeof(T));
  return records;
}

}  // namespace

Result<ElfFile> ElfFile::Open(const std::string& path) {
  ElfFile elf(UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC)));
  if (!elf.file_) return SystemError("cannot read " + path);
  const auto head = Records<Elf64_Ehdr>(elf.ReadAt(0, sizeof(Elf64_Ehdr)));
  if (head.empty() || std::memcmp(head[0].e_ident, ELFMAG, SELFMAG) != 0 || head[0].e_ident[EI_CLASS] != ELFCLASS64) {
    return Error{path + " is no 64-bit ELF file"};
  }
  const auto table = [&]<typename T>(uint64_t offset, uint64_t count, T) {
    return Records<T>(elf.ReadAt(offset, std::min(count, kMaxHeaders) * sizeof(T)));
  };
  elf.segments_ = table(head[0].e_phoff, head[0].e_phnum, Elf64_Phdr{});
  elf.sections_ = table(head[0].e_shoff, head[0].e_shnum, Elf64_Shdr{});
  if (head[0].e_shstrndx < elf.sections_.size()) {
    elf.names_ = elf.Read(elf.sections_[head[0].e_shstrndx], kMaxNames);
  }
  return elf;
}

const Elf64_Shdr* ElfFile::Section(std::string_view name) const {
  for (const Elf64_Shdr& section : sections_) {
    if (section.sh_name >= names_.size()) continue;
    const std::string_view rest = std::string_view(names_).substr(section.sh_name);
    if (rest.substr(0, rest.find('\0')) == name) return &section;
  }
  return nullptr;
}

std::string ElfFile::Read(const Elf64_Shdr& section, uint64_t limit) const {
  return section.sh_type == SHT_NOBITS ? std::string() : ReadAt(section.sh_offset, std::min(section.sh_size, limit));
}

std::string ElfFile::ReadAt(uint64_t offset, uint64_t size) const {
  std::string bytes(size, '\0');
  size_t filled = 0;
  while (filled < size) {
    const ssize_t got = pread(file_.get(), bytes.data() + filled, size - filled, static_cast<off_t>(offset + filled));
    if (got <= 0) break;
    filled += static_cast<size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

std::optional<uint64_t> ElfFile::OffsetOf(uint64_t address) const {
  for (const Elf64_Phdr& segment : segments_) {
    if (segment.p_type != PT_LOAD || address < segment.p_vaddr) continue;
    if (address - segment.p_vaddr < segment.p_filesz) return address - segment.p_vaddr + segment.p_offset;
  }
  return std::nullopt;
}

std::optional<uint64_t> ElfFile::BiasIn(uint32_t tgid) const {
  struct stat status {};
  if (fstat(file_.get(), &status) != 0) return std::nullopt;
  std::ifstream maps("/proc/" + std::to_string(tgid) + "/maps");  // proc(5): begin-end rights offset device inode path
  for (std::string line; std::getline(maps, line);) {
    std::istringstream fields(line);
    uint64_t begin = 0, offset = 0, inode = 0;
    char dash = 0;
    std::string rights, device;
    fields >> std::hex >> begin >> dash >> offset;  // the end is not needed
    fields >> rights >> offset >> device >> std::dec >> inode;
    if (!fields || inode != status.st_ino) continue;
    for (const Elf64_Phdr& segment : segments_) {
      if (segment.p_type == PT_LOAD && segment.p_offset / kPage == offset / kPage) {
        return begin - segment.p_vaddr / kPage * kPage;
      }
    }
  }
  return std::nullopt;
}

}  // namespace tracelet::runtime
