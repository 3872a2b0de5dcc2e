#include "agent/runtime/go_file.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>
#include <vector>

namespace tracelet::runtime {
namespace {

// debug/buildinfo: magic, size of a pointer, flags; from Go 1.18 on two strings follow at 32.
constexpr std::string_view kBuildMagic = "\xff Go buildinf:";
constexpr size_t kFlags = 15;
constexpr char kInline = 2;
constexpr size_t kStrings = 32;
constexpr size_t kFrame = 16;  // before and behind the text of the modules
constexpr uint64_t kMaxBuildInfo = 1u << 20;

constexpr uint32_t kTableMagic = 0xfffffff1;  // since Go 1.20
constexpr uint64_t kMaxRelocations = 64u << 20;
constexpr uint64_t kMaxData = 64u << 20;
// runtime.moduledata, the same from Go 1.21 to 1.27: pcHeader, six slices, findfunctab, minpc, maxpc, text.
constexpr uint64_t kModuleText = 176;

// runtime.pcHeader; offsets are from its beginning.
struct PcHeader {
  uint32_t magic;
  uint8_t zero[2];
  uint8_t quantum;
  uint8_t pointer_size;
  uint64_t functions;
  uint64_t files;
  uint64_t text_start;  // 0 since Go 1.26
  uint64_t names;
  uint64_t units;
  uint64_t file_table;
  uint64_t pc_table;
  uint64_t function_table;
};
struct FunctionEntry {
  uint32_t code;      // from the start of the text
  uint32_t function;  // runtime._func, from function_table
};
struct Function {
  uint32_t code;
  uint32_t name;  // in `names`
  uint32_t arguments;
  uint32_t deferred;
  uint32_t stack;  // in `pc_table`
};
constexpr char kReturn = '\xc3';

template <typename T>
std::optional<T> At(std::string_view bytes, uint64_t offset) {
  T value;
  if (offset > bytes.size() || bytes.size() - offset < sizeof(value)) return std::nullopt;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

// binary.Uvarint; takes it off `rest`.
uint64_t TakeNumber(std::string_view& rest) {
  uint64_t number = 0;
  for (int shift = 0; shift < 63 && !rest.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(rest.front());
    rest.remove_prefix(1);
    number |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) break;
  }
  return number;
}

// A length and so many bytes.
std::string_view TakeString(std::string_view& rest) {
  const uint64_t length = TakeNumber(rest);
  const std::string_view string = rest.substr(0, length);
  rest.remove_prefix(string.size());
  return string;
}

std::string_view NameAt(std::string_view table, uint64_t offset) {
  if (offset >= table.size()) return {};
  const std::string_view rest = table.substr(offset, 512);
  return rest.substr(0, rest.find('\0'));
}

// runtime.step: pairs of a difference in depth (zigzag) and of how far it goes, until a difference of 0. A byte
// 0xc3 may be the middle of an instruction, but not where the depth has just become 0.
void ReadStack(GoFunction& function, std::string_view stack) {
  int64_t depth = -1;
  for (uint64_t at = 0; at < function.code.size();) {
    const uint64_t difference = TakeNumber(stack);
    if (difference == 0 && at != 0) break;
    depth += static_cast<int64_t>(difference >> 1) ^ -static_cast<int64_t>(difference & 1);
    if (depth == 0 && at != 0 && function.code[at] == kReturn) function.returns.push_back(at);
    if (depth == GoFunction::kFramePointer && function.returns.empty() && function.body == 0) function.body = at;
    const uint64_t length = TakeNumber(stack);
    if (length == 0 || length > function.code.size()) break;
    at += length;
  }
}

const Elf64_Shdr* TableOf(const ElfFile& elf) {
  const Elf64_Shdr* table = elf.Section(".gopclntab");
  return table != nullptr ? table : elf.Section(".data.rel.ro.gopclntab");
}

}  // namespace

GoVersion ParseGoVersion(std::string_view text) {
  GoVersion version;
  if (!text.starts_with("go")) return version;
  const char* at = text.data() + 2;
  const char* const end = text.data() + text.size();
  const auto number = [&](int& value) {
    const auto [next, error] = std::from_chars(at, end, value);
    const bool found = error == std::errc();
    at = next;
    return found;
  };
  if (!number(version.major) || at == end || *at++ != '.' || !number(version.minor)) return {};
  int patch = 0;
  version.released = at == end || (*at++ == '.' && number(patch) && at == end);
  return version;
}

Result<std::optional<GoFile>> GoFile::Open(const std::string& path) {
  auto elf = ElfFile::Open(path);
  if (!elf) return elf.error();
  const Elf64_Shdr* section = elf->Section(".go.buildinfo");
  if (section == nullptr) return std::optional<GoFile>();
  const std::string info = elf->Read(*section, kMaxBuildInfo);
  if (!info.starts_with(kBuildMagic) || info.size() < kStrings) return std::optional<GoFile>();
  GoFile file(std::move(*elf));
  if ((info[kFlags] & kInline) == 0) return std::optional(std::move(file));  // before 1.18: no version that counts
  std::string_view rest = std::string_view(info).substr(kStrings);
  file.version_ = ParseGoVersion(TakeString(rest));
  const std::string_view modules = TakeString(rest);
  if (modules.size() >= 2 * kFrame) file.modules_ = modules.substr(kFrame, modules.size() - 2 * kFrame);
  return std::optional(std::move(file));
}

std::string_view GoFile::Module(std::string_view path) const {
  std::string_view rest = modules_;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    for (const std::string_view kind : {"dep\t", "mod\t"}) {
      if (!line.starts_with(kind) || !line.substr(kind.size()).starts_with(path)) continue;
      line.remove_prefix(kind.size() + path.size());
      if (!line.starts_with('\t')) continue;
      if (rest.starts_with("=>")) return {};  // another one stands in for it
      line.remove_prefix(1);
      return line.substr(0, line.find('\t'));
    }
  }
  return {};
}

// Addresses count from runtime.text, which is behind C's own code when that is linked in. Where the header
// no longer tells, runtime.firstmoduledata does, which begins with the header's address: as it lies in the
// data, or as relocations will write it.
std::optional<uint64_t> GoFile::TextStart(const Elf64_Shdr& table) const {
  for (const char* name : {".rela", ".rela.dyn"}) {
    const Elf64_Shdr* section = elf_.Section(name);
    if (section == nullptr) continue;
    const std::string bytes = elf_.Read(*section, kMaxRelocations);
    std::optional<uint64_t> module;
    for (uint64_t at = 0; const auto entry = At<Elf64_Rela>(bytes, at); at += sizeof(Elf64_Rela)) {
      if (static_cast<uint64_t>(entry->r_addend) == table.sh_addr) module = entry->r_offset;
    }
    for (uint64_t at = 0; const auto entry = At<Elf64_Rela>(bytes, module ? at : bytes.size());
         at += sizeof(Elf64_Rela)) {
      if (entry->r_offset == *module + kModuleText) return static_cast<uint64_t>(entry->r_addend);
    }
  }
  for (const char* name : {".go.module", ".noptrdata", ".data"}) {
    const Elf64_Shdr* section = elf_.Section(name);
    if (section == nullptr) continue;
    const std::string bytes = elf_.Read(*section, kMaxData);
    for (uint64_t at = 0; const auto word = At<uint64_t>(bytes, at); at += sizeof(uint64_t)) {
      if (*word != table.sh_addr) continue;
      const auto text = At<uint64_t>(bytes, at + kModuleText);
      if (text && *text != 0) return text;
    }
  }
  return std::nullopt;
}

Result<bool> GoFile::ForEach(const Visit& visit) const {
  const Elf64_Shdr* section = TableOf(elf_);
  if (section == nullptr || section->sh_size > kMaxTable) return Error{"it has no .gopclntab that can be read"};
  const std::string table = elf_.Read(*section, kMaxTable);
  const auto header = At<PcHeader>(table, 0);
  if (!header || header->magic != kTableMagic || header->pointer_size != sizeof(uint64_t) ||
      header->names >= table.size() || header->pc_table >= table.size() || header->function_table >= table.size()) {
    return Error{"its .gopclntab is of a form that is not known"};
  }
  std::optional<uint64_t> text = header->text_start != 0 ? std::optional(header->text_start) : std::nullopt;
  if (!text) text = TextStart(*section);
  if (!text) return Error{"where its code begins is not known"};

  const std::string_view functions = std::string_view(table).substr(header->function_table);
  const std::string_view all_names = std::string_view(table).substr(header->names);
  const std::string_view depths = std::string_view(table).substr(header->pc_table);
  for (uint64_t i = 0; i < header->functions; ++i) {
    const auto entry = At<FunctionEntry>(functions, i * sizeof(FunctionEntry));
    const auto next = At<uint32_t>(functions, (i + 1) * sizeof(FunctionEntry));  // the last one is the end
    if (!entry || !next) break;
    const auto function = At<Function>(functions, entry->function);
    if (!function || *next <= entry->code) continue;
    visit({.name = NameAt(all_names, function->name),
           .address = *text + entry->code,
           .size = *next - entry->code,
           .stack = depths.substr(std::min<size_t>(function->stack, depths.size()))});
  }
  return true;
}

Result<std::map<std::string, GoFunction, std::less<>>> GoFile::Find(std::span<const std::string_view> names) const {
  std::map<std::string, GoFunction, std::less<>> found;
  const auto read = ForEach([&](const Entry& entry) {
    const bool wanted = std::ranges::find(names, entry.name) != names.end();
    const auto offset = wanted ? elf_.OffsetOf(entry.address) : std::nullopt;
    if (!offset) return;
    GoFunction function{entry.address, *offset, elf_.ReadAt(*offset, std::min(entry.size, kMaxFunction)), {}, 0};
    ReadStack(function, entry.stack);
    found.try_emplace(std::string(entry.name), std::move(function));
  });
  if (!read) return read.error();
  return found;
}

std::pair<uint64_t, uint64_t> GoFile::Code() const {
  const Elf64_Shdr* code = elf_.Section(".text");
  return code == nullptr ? std::pair<uint64_t, uint64_t>() : std::pair(code->sh_addr, code->sh_addr + code->sh_size);
}

std::string GoFile::ReadCode(uint64_t address, uint64_t size) const {
  const auto offset = elf_.OffsetOf(address);
  return offset ? elf_.ReadAt(*offset, size) : std::string();
}

}  // namespace tracelet::runtime
