#include "agent/source/uprobe_multi.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace tracelet::source {
namespace {

// include/uapi/linux/bpf.h of Linux 6.6; Debian 12's is older.
constexpr uint32_t kTraceUprobeMulti = 48;  // BPF_TRACE_UPROBE_MULTI
constexpr uint32_t kReturn = 1;             // BPF_F_UPROBE_MULTI_RETURN
struct LinkCreate {
  uint32_t program;
  uint32_t target;
  uint32_t attach_type;
  uint32_t flags;
  uint64_t path;
  uint64_t offsets;
  uint64_t reference_counters;
  uint64_t cookies;
  uint32_t count;
  uint32_t multi_flags;
  uint32_t pid;
  uint32_t pad;
};

UniqueFd Create(int program, const std::string& path, const UprobePlaces& places) {
  LinkCreate create{};
  create.program = static_cast<uint32_t>(program);
  create.attach_type = kTraceUprobeMulti;
  create.path = reinterpret_cast<uintptr_t>(path.c_str());
  create.offsets = reinterpret_cast<uintptr_t>(places.offsets.data());
  create.cookies = reinterpret_cast<uintptr_t>(places.cookies.data());
  create.count = static_cast<uint32_t>(places.offsets.size());
  create.multi_flags = places.returns ? kReturn : 0;
  return UniqueFd(static_cast<int>(syscall(SYS_bpf, BPF_LINK_CREATE, &create, sizeof(create))));
}

bool AskForUprobeMulti() {
  constexpr bpf_insn kReturnZero[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = 0},
      {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
  LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = static_cast<bpf_attach_type>(kTraceUprobeMulti));
  const UniqueFd program(
      bpf_prog_load(BPF_PROG_TYPE_KPROBE, nullptr, "GPL", kReturnZero, std::size(kReturnZero), &options));
  // Where it is known, a directory is no good file to probe; elsewhere the request itself makes no sense.
  return program && !Create(program.get(), "/", {.offsets = {0}, .cookies = {0}}) && errno == EBADF;
}

}  // namespace

bool HasUprobeMulti() {
  static const bool kHas = AskForUprobeMulti();
  return kHas;
}

void MakeUprobeMulti(bpf_program* program) {
  bpf_program__set_expected_attach_type(program, static_cast<bpf_attach_type>(kTraceUprobeMulti));
}

Result<UniqueFd> AttachUprobes(const bpf_program* program, const std::string& path, const UprobePlaces& places) {
  UniqueFd link = Create(bpf_program__fd(program), path, places);
  if (!link) return SystemError("its functions cannot be probed");
  return link;
}

}  // namespace tracelet::source
