#include "agent/runtime/python.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <optional>

#include "agent/runtime/elf_image.h"

namespace tracelet::runtime {
namespace {

// From the headers of 3.8.18, 3.9.18, 3.10.13, 3.11.7, 3.12.1, 3.13.0 and 3.14.3, as the compiler laid
// them out (debugging information of builds with --enable-shared). 3.15 has no autoTSSkey any more.
constexpr std::array kLayouts = {
    PythonLayout{8, 1392, 32, 16, 176, 240},   PythonLayout{9, 584, 32, 16, 176, 240},
    PythonLayout{10, 584, 32, 16, 176, 240},   PythonLayout{11, 592, 40, 16, 152, 224},
    PythonLayout{12, 1544, 40, 16, 136, 208},  PythonLayout{13, 2160, 632, 16, 152, 208},
    PythonLayout{14, 2336, 808, 16, 152, 208},
};

// PyTypeObject (Include/cpython/object.h) and PyMethodDef, the same in all of them.
constexpr uint64_t kTypeBasicSize = 32;
constexpr uint64_t kTypeMethods = 232;
constexpr uint64_t kTypeNew = 312;
constexpr uint64_t kMethodSize = 32;
constexpr uint64_t kMethodFunction = 8;
constexpr int kMaxMethods = 32;
constexpr size_t kMaxName = 8;

std::string_view BaseName(std::string_view path) {
  path = path.substr(0, path.find(" (deleted)"));
  return path.substr(path.rfind('/') + 1);
}

// The N of a name like python3.N or libpython3.N.so.1.0.
std::optional<uint32_t> MinorOf(std::string_view name) {
  const size_t at = name.find("python3.");
  if (at == std::string_view::npos) return std::nullopt;
  name.remove_prefix(at + std::string_view("python3.").size());
  uint32_t minor = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), minor);
  return error == std::errc() && end != name.data() ? std::optional(minor) : std::nullopt;
}

// Py_Version (since 3.11) is a number like 0x030b07f0.
std::optional<uint32_t> MinorOf(const ElfImage& image, std::string_view name) {
  const auto version = image.Symbol("Py_Version");
  if (!version) return MinorOf(BaseName(name));
  const uint32_t number = image.Word(*version);
  return number >> 24 == 3 ? std::optional(number >> 16 & 0xff) : std::nullopt;
}

struct Mapping {
  std::string path;  // as in the process
  uint64_t address = 0;
};

// Where the file that `wanted` accepts begins in memory.
template <typename Wanted>
std::optional<Mapping> FindMapping(const std::string& proc, Wanted wanted) {
  std::ifstream maps(proc + "/maps");  // proc(5): begin-end rights offset device inode path
  for (std::string line; std::getline(maps, line);) {
    const size_t slash = line.find('/');
    if (slash == std::string::npos || !wanted(std::string_view(line).substr(slash))) continue;
    uint64_t begin = 0;
    std::from_chars(line.data(), line.data() + line.size(), begin, 16);
    if (line.find(" 00000000 ") < slash) return Mapping{line.substr(slash), begin};
  }
  return std::nullopt;
}

// The function of PyContext_Type's method `name`.
uint64_t MethodOf(const ElfImage& image, uint64_t type, std::string_view name) {
  const uint64_t methods = image.Pointer(type + kTypeMethods);
  for (int i = 0; methods != 0 && i < kMaxMethods; ++i) {
    const uint64_t method = methods + i * kMethodSize;
    const uint64_t text = image.Pointer(method);
    if (text == 0) return 0;
    if (image.Bytes(text, kMaxName).substr(0, name.size() + 1) == std::string(name) + '\0') {
      return image.Pointer(method + kMethodFunction);
    }
  }
  return 0;
}

Result<PythonFile> Examine(const ElfImage& image, std::string_view name) {
  PythonFile file;
  const auto minor = MinorOf(image, name);
  file.layout = minor ? FindPythonLayout(*minor) : nullptr;
  if (file.layout == nullptr) {
    return Error{minor ? "Python 3." + std::to_string(*minor) + " is not known" : "its version is not known"};
  }
  const auto type = image.Symbol("PyContext_Type");
  const auto copy = image.Symbol("PyContext_CopyCurrent");
  const auto enter = image.Symbol("PyContext_Enter");
  const auto copied_at = copy ? image.FileOffset(*copy) : std::nullopt;
  const auto entered_at = enter ? image.FileOffset(*enter) : std::nullopt;
  if (!type || !copied_at || !entered_at) return Error{"it does not export what enters and makes contexts"};
  if (image.Word(*type + kTypeBasicSize) != kPythonContextSize) return Error{"it is built in another way (no GIL?)"};
  file.copy_current = *copied_at;
  file.enter = *entered_at;
  for (const uint64_t function : {image.Pointer(*type + kTypeNew), MethodOf(image, *type, "copy")}) {
    const auto offset = function != 0 ? image.FileOffset(function) : std::nullopt;
    if (!offset) return Error{"what makes its contexts was not found"};
    file.copy_other.push_back(*offset);
  }
  const auto run = image.FileOffset(MethodOf(image, *type, "run"));
  if (!run) return Error{"Context.run was not found"};
  file.run = *run;
  return file;
}

}  // namespace

bool MayRunPython(std::string_view exe) {
  const std::string_view name = BaseName(exe);
  return name.starts_with("python") || name.starts_with("uwsgi");
}

const PythonLayout* FindPythonLayout(uint32_t minor) {
  const auto found = std::ranges::find(kLayouts, minor, &PythonLayout::minor);
  return found == kLayouts.end() ? nullptr : &*found;
}

Result<PythonProcess> FindPython(const std::string& proc) {
  std::string path = proc + "/exe";
  auto image = ElfImage::Open(path);
  if (!image) return image.error();
  auto runtime = image->Symbol("_PyRuntime");
  std::optional<Mapping> mapping;
  if (runtime) {
    mapping = FindMapping(proc, [](std::string_view) { return true; });  // the program itself comes first
  } else {
    mapping = FindMapping(proc, [](std::string_view one) { return BaseName(one).starts_with("libpython3."); });
    if (!mapping) return Error{"it has no symbols of CPython's (_PyRuntime)"};
    path = proc + "/root" + mapping->path;
    image = ElfImage::Open(path);
    if (!image) return image.error();
    runtime = image->Symbol("_PyRuntime");
  }
  if (!mapping || !runtime) return Error{"where CPython is in its memory was not found"};
  auto file = Examine(*image, mapping->path);
  if (!file) return file.error();
  file->path = path;
  return PythonProcess{.file = std::move(*file), .runtime = *runtime + mapping->address - image->LoadAddress()};
}

}  // namespace tracelet::runtime
