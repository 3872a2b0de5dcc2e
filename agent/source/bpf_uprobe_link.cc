#include "agent/source/bpf_uprobe_link.h"

#include <bpf/libbpf.h>

#include <cerrno>

namespace tracelet::source {

void Unlink::operator()(bpf_link* link) const { bpf_link__destroy(link); }

Result<UprobeLink> AttachUprobe(const bpf_program* program, bool at_return, const std::string& path, uint64_t offset,
                                uint64_t cookie) {
  LIBBPF_OPTS(bpf_uprobe_opts, options, .bpf_cookie = cookie, .retprobe = at_return);
  UprobeLink link(bpf_program__attach_uprobe_opts(program, /*pid=*/-1, path.c_str(), offset, &options));
  if (!link && cookie != 0 && errno == EOPNOTSUPP) return AttachUprobe(program, at_return, path, offset);
  if (!link) return SystemError("its functions cannot be probed");
  return link;
}

}  // namespace tracelet::source
