// The kernel's types that the programs name, as a file of BTF of their own.
//
// libbpf looks for each type that a program names (CO-RE, bpf/kernel_types.h) through all types of the kernel, 100,000
// and more: for twenty of them a sixth of all instructions of a start. This goes through them once, and gives libbpf
// the few. Owns a file in memory (memfd_create(2)), which must live until the programs are loaded. One thread.
#pragma once

#include <bpf/btf.h>

#include <string>

#include "agent/base/result.h"
#include "agent/base/unique_fd.h"

namespace tracelet::source {

class BpfKernelTypes {
 public:
  BpfKernelTypes();

  // For bpf_object_open_opts::btf_custom_path. Empty until Fill().
  [[nodiscard]] const std::string& path() const { return path_; }
  // Between open and load. `programs` is bpf_object__btf(). The error is errno's of the kernel's BTF, where there is
  // none.
  Status Fill(const btf* programs);

 private:
  UniqueFd file_;
  std::string path_;
};

// Copies from `kernel` all structures, unions and enumerations whose name `programs` has too, and what they contain.
// What pointers point to is left out: a relocation follows members only (libbpf, bpf_core_spec_match()). `excerpt` is
// empty, as from btf__new_empty(). False when there is no memory.
bool CopyNamedTypes(const btf* kernel, const btf* programs, btf* excerpt);

}  // namespace tracelet::source
