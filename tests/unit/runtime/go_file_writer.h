// Go executables as far as a test needs them.
#pragma once

#include <elf.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace tracelet::runtime {

// A file with the sections that a linker of Go writes.
class GoFileTest : public testing::Test {
 protected:
  static constexpr uint64_t kText = 0x401000;
  // 2 bytes without a stack, 13 with 80 bytes of it, 1 without.
  inline static const std::string kStack{"\x02\x02\xa0\x01\x0d\x9f\x01\x01\0", 9};

  GoFileTest()
      : path_(std::filesystem::temp_directory_path() / ("tracelet-go-" + std::to_string(getpid()) + "-" + Name())) {}
  ~GoFileTest() override { std::filesystem::remove(path_); }

  static std::string Name() { return testing::UnitTest::GetInstance()->current_test_info()->name(); }
  template <typename T>
  static void Append(std::string& to, T value) {
    to.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  static std::string BuildInfo(std::string_view version, std::string_view modules) {
    std::string info = "\xff Go buildinf:";
    info += std::string("\x08\x02", 2);
    info.resize(32);
    info += static_cast<char>(version.size());
    info += version;
    info += static_cast<char>(modules.size() + 32);
    return info + std::string(16, '<') + std::string(modules) + std::string(16, '>');
  }
  // Functions of 16 bytes each, which have `stack` as their table of its depth.
  static std::string Table(const std::vector<std::string>& names, uint64_t text_start,
                           const std::string& stack = kStack) {
    std::string all_names;
    std::string entries;
    std::string functions;
    const auto entries_size = static_cast<uint32_t>(names.size() * 8 + 4);
    for (uint32_t i = 0; i < names.size(); ++i) {
      Append(entries, i * 16);
      Append(entries, static_cast<uint32_t>(entries_size + functions.size()));
      Append(functions, i * 16);
      Append(functions, static_cast<uint32_t>(all_names.size()));
      Append(functions, uint64_t{0});
      Append(functions, uint32_t{1});
      all_names += names[i] + '\0';
    }
    Append(entries, static_cast<uint32_t>(names.size() * 16));
    std::string table("\xf1\xff\xff\xff\0\0\x01\x08", 8);
    for (const uint64_t word : {uint64_t{names.size()}, uint64_t{1}, text_start, uint64_t{72}, uint64_t{0}, uint64_t{0},
                                72 + all_names.size(), 73 + all_names.size() + stack.size()}) {
      Append(table, word);
    }
    return table + all_names + '\0' + stack + entries + functions;
  }
  // Name, address, content. The first is the code.
  struct Section {
    std::string name;
    uint64_t address;
    std::string bytes;
  };
  void Write(const std::vector<Section>& sections) {
    std::string names(1, '\0');
    std::string body;
    std::vector<Elf64_Shdr> headers(1);
    const uint64_t begin = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
    for (const Section& section : sections) {
      Elf64_Shdr header{};
      header.sh_name = static_cast<uint32_t>(names.size());
      header.sh_type = SHT_PROGBITS;
      header.sh_addr = section.address;
      header.sh_offset = begin + body.size();
      header.sh_size = section.bytes.size();
      headers.push_back(header);
      names += section.name + '\0';
      body += section.bytes;
    }
    Elf64_Shdr strings{};
    strings.sh_type = SHT_STRTAB;
    strings.sh_offset = begin + body.size();
    strings.sh_size = names.size();
    headers.push_back(strings);
    body += names;
    Elf64_Ehdr head{};
    std::memcpy(head.e_ident, ELFMAG, SELFMAG);
    head.e_ident[EI_CLASS] = ELFCLASS64;
    head.e_phoff = sizeof(head);
    head.e_phnum = 1;
    head.e_shoff = begin + body.size();
    head.e_shnum = static_cast<uint16_t>(headers.size());
    head.e_shstrndx = static_cast<uint16_t>(headers.size() - 1);
    Elf64_Phdr segment{};
    segment.p_type = PT_LOAD;
    segment.p_offset = begin;
    segment.p_vaddr = kText;
    segment.p_filesz = sections.front().bytes.size();
    std::string file(reinterpret_cast<const char*>(&head), sizeof(head));
    file.append(reinterpret_cast<const char*>(&segment), sizeof(segment));
    file += body;
    file.append(reinterpret_cast<const char*>(headers.data()), headers.size() * sizeof(Elf64_Shdr));
    std::ofstream(path_, std::ios::binary).write(file.data(), static_cast<std::streamsize>(file.size()));
  }
  static std::string Code() {
    std::string code(32, '\x90');
    code[17] = '\x0f';
    code[18] = '\x05';
    code[15] = code[31] = '\xc3';
    return code;
  }

  const std::string path_;
  const std::vector<std::string> names_{"runtime.newproc1", "runtime/internal/syscall.Syscall6"};
};

}  // namespace tracelet::runtime
