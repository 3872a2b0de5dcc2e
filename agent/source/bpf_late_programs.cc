#include "agent/source/bpf_late_programs.h"

#include <bpf/libbpf.h>
#include <malloc.h>
#include <spdlog/spdlog.h>

#include <utility>

#include "agent/source/bpf_goroutines.h"
#include "agent/source/bpf_kernel_types.h"
#include "agent/source/bpf_python.h"
#include "agent/source/bpf_tls.h"
#include "tracelet.skel.h"

namespace tracelet::source {
namespace {

// Uprobes, which are for some files only.
bool IsLate(const bpf_program* program) { return bpf_program__type(program) == BPF_PROG_TYPE_KPROBE; }

void LeaveOut(const tracelet_bpf& skeleton, bool late) {
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton.obj) {
    if (IsLate(program) == late) bpf_program__set_autoload(program, false);
  }
}

// Maps that no other program uses.
void LeaveOutMaps(const tracelet_bpf& first) {
  for (bpf_map* map : {first.maps.go_tls_calls, first.maps.thread_scratches, first.maps.loop_streams}) {
    bpf_map__set_autocreate(map, false);
  }
}

// Both are the same object, so their maps come in the same order. Variables are maps, too.
int ShareMaps(const tracelet_bpf& first, const tracelet_bpf& second) {
  bpf_map* from = bpf_object__next_map(first.obj, nullptr);
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, second.obj) {
    const int error = bpf_map__autocreate(from) ? bpf_map__reuse_fd(map, bpf_map__fd(from)) : 0;
    if (error != 0) return error;
    from = bpf_object__next_map(first.obj, from);
  }
  return 0;
}

Error CannotLoad(int error) {
  return SystemError("the programs for TLS, Go, Python and event loops cannot be loaded", error);
}

}  // namespace

void BpfLatePrograms::Destroy::operator()(tracelet_bpf* skeleton) const { tracelet_bpf__destroy(skeleton); }

BpfLatePrograms::BpfLatePrograms(tracelet_bpf& first, const BpfKernelTypes& kernel_types)
    : first_(first), kernel_types_(kernel_types) {
  LeaveOut(first, /*late=*/true);
  LeaveOutMaps(first);
}

BpfLatePrograms::~BpfLatePrograms() = default;

Result<BpfLatePrograms::Skeleton> BpfLatePrograms::Load() const {
  LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = kernel_types_.path().c_str());
  Skeleton late(tracelet_bpf__open_opts(&options));
  if (!late) return CannotLoad(errno);
  LeaveOut(*late, /*late=*/false);
  BpfTls::Choose(*late);
  BpfGoroutines::Choose(*late);
  BpfPython::Choose(*late);
  if (const int error = ShareMaps(first_, *late); error != 0) return CannotLoad(-error);
  if (const int error = tracelet_bpf__load(late.get()); error != 0) return CannotLoad(-error);
  malloc_trim(0);
  spdlog::debug("the programs for TLS, Go, Python and event loops are loaded");
  return late;
}

Result<tracelet_bpf*> BpfLatePrograms::Get() {
  if (!late_) late_.emplace(Load());
  if (!*late_) return late_->error();
  return (*late_)->get();
}

}  // namespace tracelet::source
