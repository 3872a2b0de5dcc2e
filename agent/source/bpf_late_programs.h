// BpfLatePrograms: the programs for TLS libraries, Go, Python and event loops, which are loaded when the first file
// needs them: the kernel's verifier spends as much on them as on all others together, and many hosts need none. They
// are a second copy of the object on the maps and variables of the first.
//
// One thread, BpfSource's.
#pragma once

#include <memory>
#include <optional>

#include "agent/base/result.h"

struct tracelet_bpf;  // the skeleton, generated from bpf/*.bpf.c

namespace tracelet::source {

class BpfKernelTypes;

class BpfLatePrograms {
 public:
  // `first` is open and not loaded: the late programs are left out of it. Both must outlive this.
  BpfLatePrograms(tracelet_bpf& first, const BpfKernelTypes& kernel_types);
  ~BpfLatePrograms();
  BpfLatePrograms(const BpfLatePrograms&) = delete;

  // Once `first` is loaded. The first call takes up to some tenths of a second; an error is final.
  Result<tracelet_bpf*> Get();
  // Null when they are not loaded.
  [[nodiscard]] tracelet_bpf* loaded() const { return late_ && *late_ ? late_->value().get() : nullptr; }

 private:
  struct Destroy {
    void operator()(tracelet_bpf* skeleton) const;
  };
  using Skeleton = std::unique_ptr<tracelet_bpf, Destroy>;

  [[nodiscard]] Result<Skeleton> Load() const;

  tracelet_bpf& first_;
  const BpfKernelTypes& kernel_types_;
  std::optional<Result<Skeleton>> late_;  // none: not wanted yet
};

}  // namespace tracelet::source
