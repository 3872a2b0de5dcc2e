#include "agent/runtime/python_modules.h"

#include <array>
#include <fstream>
#include <set>
#include <string_view>

#include "agent/runtime/elf_functions.h"
#include "agent/runtime/elf_image.h"

namespace tracelet::runtime {
namespace {

constexpr uint64_t kMethodFunction = 8;  // in PyMethodDef, behind ml_name

// With all of them, or none.
PythonModule Queue(std::string path) {
  constexpr std::array<std::pair<PythonProgram, std::string_view>, 4> kMethods = {
      {{PythonProgram::kPuts, "put"},
       {PythonProgram::kPuts, "put_nowait"},
       {PythonProgram::kGot, "get"},
       {PythonProgram::kGot, "get_nowait"}}};
  PythonModule module{.path = std::move(path), .uvloop = false, .places = {}};
  const auto image = ElfImage::Open(module.path);
  if (!image) return module;
  for (const auto& [program, name] : kMethods) {
    for (const uint64_t method : image->PointersTo(name)) {
      const auto offset = image->FileOffset(image->Pointer(method + kMethodFunction));
      if (offset) module.places.emplace_back(program, *offset);
    }
  }
  if (module.places.size() != kMethods.size()) module.places.clear();
  return module;
}

PythonModule Uvloop(std::string path) {
  constexpr std::array<std::string_view, 2> kFunctions = {"__pyx_pw_6uvloop_4loop_8UVStream_5write",
                                                          "__pyx_pw_6uvloop_4loop_8UVStream_7writelines"};
  PythonModule module{.path = std::move(path), .uvloop = true, .places = {}};
  const auto functions = FindFunctions(module.path, kFunctions);
  if (!functions || functions->size() != kFunctions.size()) return module;
  for (const auto& [name, function] : *functions) module.places.emplace_back(PythonProgram::kBuffers, function.offset);
  return module;
}

}  // namespace

std::vector<PythonModule> FindPythonModules(const std::string& proc) {
  std::vector<PythonModule> modules;
  std::set<std::string> seen;
  std::ifstream maps(proc + "/maps");
  for (std::string line; std::getline(maps, line);) {
    const size_t slash = line.find('/');
    if (slash == std::string::npos) continue;
    const std::string_view path = std::string_view(line).substr(slash);
    const bool queue = path.find("/_queue.") != std::string_view::npos;
    const bool uvloop = path.find("/uvloop/loop.") != std::string_view::npos;
    if ((!queue && !uvloop) || !path.ends_with(".so") || !seen.emplace(path).second) continue;
    std::string file = proc + "/root" + std::string(path);
    modules.push_back(queue ? Queue(std::move(file)) : Uvloop(std::move(file)));
  }
  return modules;
}

}  // namespace tracelet::runtime
