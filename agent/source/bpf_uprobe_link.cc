#include "agent/source/bpf_uprobe_link.h"

#include <bpf/libbpf.h>

namespace tracelet::source {

void Unlink::operator()(bpf_link* link) const { bpf_link__destroy(link); }

Result<UprobeLink> AttachUprobe(const bpf_program* program, bool at_return, const std::string& path, uint64_t offset) {
  UprobeLink link(bpf_program__attach_uprobe(program, at_return, /*pid=*/-1, path.c_str(), offset));
  if (!link) return SystemError("its functions cannot be probed");
  return link;
}

}  // namespace tracelet::source
