#include "agent/source/bpf_kernel_types.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace tracelet::source {
namespace {

struct Free {
  void operator()(btf* types) const { btf__free(types); }
};
using Types = std::unique_ptr<btf, Free>;

bool HasName(const btf_type* type) { return type->name_off != 0 && (btf_is_composite(type) || btf_is_any_enum(type)); }

// Copies types with what they contain. Types refer to each other by their position: in the copy it is another one.
class Copier {
 public:
  Copier(const btf* from, btf* to) : from_(from), to_(to), pointer_(btf__add_ptr(to, 0)) {}

  // Returns its position, negative when there is no memory. Ends: a type contains no type that contains it.
  int Copy(uint32_t position) {   // NOLINT(misc-no-recursion)
    if (position == 0) return 0;  // void
    const btf_type* type = btf__type_by_id(from_, position);
    if (btf_is_ptr(type)) return pointer_;
    const auto known = copied_.find(position);
    if (known != copied_.end()) return known->second;
    std::vector<uint32_t> contents = Contents(type);
    for (uint32_t& content : contents) {
      const int copy = Copy(content);
      if (copy < 0) return copy;
      content = static_cast<uint32_t>(copy);
    }
    const int copy = btf__add_type(to_, from_, type);
    if (copy > 0) Refer(const_cast<btf_type*>(btf__type_by_id(to_, static_cast<uint32_t>(copy))), contents);
    copied_.emplace(position, copy);
    return copy;
  }

 private:
  static std::vector<uint32_t> Contents(const btf_type* type) {
    std::vector<uint32_t> contents;
    if (btf_is_composite(type)) {
      for (uint32_t i = 0; i < btf_vlen(type); ++i) contents.push_back(btf_members(type)[i].type);
    } else if (btf_is_array(type)) {
      contents = {btf_array(type)->type, btf_array(type)->index_type};
    } else if (btf_is_mod(type) || btf_is_typedef(type)) {
      contents = {type->type};
    }
    return contents;
  }

  static void Refer(btf_type* type, const std::vector<uint32_t>& contents) {
    if (btf_is_composite(type)) {
      for (uint32_t i = 0; i < contents.size(); ++i) btf_members(type)[i].type = contents[i];
    } else if (btf_is_array(type)) {
      btf_array(type)->type = contents[0];
      btf_array(type)->index_type = contents[1];
    } else if (!contents.empty()) {
      type->type = contents[0];
    }
  }

  const btf* from_;
  btf* to_;
  int pointer_;
  std::unordered_map<uint32_t, int> copied_;
};

bool WriteAll(int file, const void* data, size_t size) {
  return write(file, data, size) == static_cast<ssize_t>(size);  // into memory: all or an error
}

}  // namespace

bool CopyNamedTypes(const btf* kernel, const btf* programs, btf* excerpt) {
  std::unordered_set<std::string_view> names;
  for (uint32_t i = 1; i < btf__type_cnt(programs); ++i) {
    const btf_type* type = btf__type_by_id(programs, i);
    if (HasName(type)) names.insert(btf__name_by_offset(programs, type->name_off));
  }
  Copier copier(kernel, excerpt);
  for (uint32_t i = 1; i < btf__type_cnt(kernel); ++i) {
    const btf_type* type = btf__type_by_id(kernel, i);
    if (HasName(type) && names.contains(btf__name_by_offset(kernel, type->name_off)) && copier.Copy(i) < 0)
      return false;
  }
  return true;
}

BpfKernelTypes::BpfKernelTypes()
    : file_(memfd_create("kernel_types", MFD_CLOEXEC)), path_("/proc/self/fd/" + std::to_string(file_.get())) {}

Status BpfKernelTypes::Fill(const btf* programs) {
  const Types kernel(btf__load_vmlinux_btf());
  if (!kernel) return SystemError("cannot read the kernel's BTF", errno);
  const Types excerpt(btf__new_empty());
  uint32_t size = 0;
  const void* data = nullptr;
  if (excerpt && CopyNamedTypes(kernel.get(), programs, excerpt.get())) data = btf__raw_data(excerpt.get(), &size);
  if (data == nullptr || !WriteAll(file_.get(), data, size))
    return SystemError("cannot keep the kernel's types", ENOMEM);
  return Ok();
}

}  // namespace tracelet::source
