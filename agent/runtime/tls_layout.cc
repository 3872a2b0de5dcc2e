#include "agent/runtime/tls_layout.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "agent/runtime/elf_file.h"
#include "agent/runtime/elf_functions.h"

namespace tracelet::runtime {
namespace {

constexpr uint64_t kMaxStrings = 1u << 20;
constexpr int kMaxSteps = 16;
constexpr size_t kRax = 0;  // holds results, System V ABI for AMD64
constexpr size_t kRbp = 5;
constexpr size_t kRdi = 7;  // the first argument

// x86-64 as compilers write such functions: Intel's manual, volume 2, appendix A.
class Accessor {
 public:
  explicit Accessor(std::string_view code) : code_(code) { registers_[kRdi].argument = true; }

  std::optional<uint32_t> Run() {
    for (int step = 0; step < kMaxSteps && Step();) ++step;
    return returned_ ? registers_[kRax].field : std::nullopt;
  }

 private:
  struct Register {
    bool argument = false;
    std::optional<uint32_t> field;  // of the argument, or 0 for the number
  };

  [[nodiscard]] uint8_t Byte(size_t ahead) const {
    return at_ + ahead < code_.size() ? static_cast<uint8_t>(code_[at_ + ahead]) : 0;
  }
  [[nodiscard]] int32_t Signed(size_t ahead) const {
    int32_t value = 0;
    if (at_ + ahead + sizeof(value) <= code_.size()) std::memcpy(&value, code_.data() + at_ + ahead, sizeof(value));
    return value;
  }
  bool Skip(size_t bytes) {
    at_ += bytes;
    return true;
  }

  // False: it has returned, or it is not understood.
  bool Step() {
    if (code_.substr(std::min(at_, code_.size())).starts_with("\xf3\x0f\x1e\xfa")) return Skip(4);  // endbr64
    switch (Byte(0)) {
      case 0x5d:  // pop rbp
        registers_[kRbp] = {};
        return Skip(1);
      case 0x55:  // push rbp
        return Skip(1);
      case 0x74:  // je
      case 0x75:  // jne
        return Jump((Byte(0) == 0x74) == zero_);
      case 0xc3:  // ret
        returned_ = true;
        return false;
      default:
        return (Byte(0) & 0xf0) == 0x40 ? Move(Byte(0), 1) : Move(0, 0);
    }
  }

  bool Jump(bool taken) {
    const auto distance = static_cast<int8_t>(Byte(1));
    return distance >= 0 && Skip(2 + (taken ? static_cast<size_t>(distance) : 0));
  }

  // Instructions with a ModRM byte behind `prefix` bytes of them.
  bool Move(uint8_t rex, size_t prefix) {
    const uint8_t operation = Byte(prefix);
    const uint8_t mode = Byte(prefix + 1) >> 6;
    const size_t left = (Byte(prefix + 1) & 7) | (rex & 1) << 3;
    const size_t right = (Byte(prefix + 1) >> 3 & 7) | (rex & 4) << 1;
    if (operation == 0x8b && mode != 3) return Load(left, right, mode, prefix + 2);
    if (mode != 3) return false;
    if (operation == 0x89) {  // mov
      registers_[left] = registers_[right];
    } else if (operation == 0x31 && left == right) {  // xor
      registers_[left] = {.argument = false, .field = 0};
    } else if (operation == 0x85 && left == right) {  // test
      zero_ = !registers_[left].argument;
    } else {
      return false;
    }
    return Skip(prefix + 2);
  }

  // mov from memory; `at`: of the displacement.
  bool Load(size_t base, size_t target, uint8_t mode, size_t at) {
    const bool plain = (base & 7) != 4 && (mode != 0 || (base & 7) != 5);  // no SIB byte, not relative to rip
    const int32_t place = mode == 0 ? 0 : mode == 1 ? static_cast<int8_t>(Byte(at)) : Signed(at);
    if (!plain || place < 0 || !registers_[base].argument) return false;
    registers_[target] = {.argument = false, .field = static_cast<uint32_t>(place)};
    return Skip(at + (mode == 0 ? 0 : mode == 1 ? 1 : 4));
  }

  std::string_view code_;
  size_t at_ = 0;
  bool zero_ = false;  // what was tested last
  bool returned_ = false;
  std::array<Register, 16> registers_;
};

constexpr std::string_view kRbio = "SSL_get_rbio";
constexpr std::string_view kWbio = "SSL_get_wbio";
constexpr std::string_view kReadAhead = "SSL_get_read_ahead";
constexpr std::string_view kBioRead = "BIO_number_read";
constexpr std::string_view kBioWritten = "BIO_number_written";

// The name of a needed library that begins so (DT_NEEDED).
std::string Needed(const std::string& path, std::string_view begin) {
  const auto elf = ElfFile::Open(path);
  if (!elf) return {};
  const Elf64_Shdr* dynamic = elf->Section(".dynamic");
  const Elf64_Shdr* strings = elf->Section(".dynstr");
  if (dynamic == nullptr || strings == nullptr) return {};
  const std::string entries = elf->Read(*dynamic, kMaxStrings);
  const std::string text = elf->Read(*strings, kMaxStrings);
  for (size_t at = 0; at + sizeof(Elf64_Dyn) <= entries.size(); at += sizeof(Elf64_Dyn)) {
    Elf64_Dyn entry{};
    std::memcpy(&entry, entries.data() + at, sizeof(entry));
    if (entry.d_tag != DT_NEEDED || entry.d_un.d_val >= text.size()) continue;
    const std::string_view name = text.c_str() + entry.d_un.d_val;
    if (name.starts_with(begin)) return std::string(name);
  }
  return {};
}

}  // namespace

std::optional<uint32_t> FieldOf(std::string_view code) { return Accessor(code).Run(); }

std::optional<TlsLayout> FindTlsLayout(const std::string& path, const std::string& root, const std::string& name) {
#if defined(__x86_64__)
  constexpr std::array kNames = {kRbio, kWbio, kReadAhead, kBioRead, kBioWritten};
  auto found = FindFunctions(path, kNames);
  if (!found || !found->contains(kRbio)) return std::nullopt;
  if (const std::string crypto = Needed(path, "libcrypto"); !found->contains(kBioRead) && !crypto.empty()) {
    auto more = FindFunctions(root + name.substr(0, name.rfind('/') + 1) + crypto, std::array{kBioRead, kBioWritten});
    if (more) found->merge(*more);
  }
  const auto field = [&](std::string_view function) -> std::optional<uint32_t> {
    const auto one = found->find(function);
    return one == found->end() ? std::nullopt : FieldOf(one->second.code);
  };
  const auto rbio = field(kRbio);
  const auto wbio = field(kWbio);
  const auto ahead = field(kReadAhead);
  const auto read = field(kBioRead);
  const auto written = field(kBioWritten);
  if (!rbio || !wbio || !ahead || !read || !written || *rbio * *wbio * *read * *written == 0) return std::nullopt;
  return TlsLayout{.rbio = *rbio, .wbio = *wbio, .read_ahead = *ahead, .bio_read = *read, .bio_written = *written};
#else
  return std::nullopt;
#endif
}

}  // namespace tracelet::runtime
