#include "agent/source/bpf_uprobes.h"

#include <bpf/libbpf.h>

#include <utility>

#include "agent/source/uprobe_multi.h"

namespace tracelet::source {

void Uprobes::Unlink::operator()(bpf_link* link) const { bpf_link__destroy(link); }

Result<bool> Uprobes::Add(const bpf_program* program, const std::string& path, const std::vector<uint64_t>& offsets,
                          bool at_once) {
  if (offsets.empty()) return true;
  if (at_once) {
    const UprobePlaces places{.offsets = offsets, .cookies = std::vector<uint64_t>(offsets.size())};
    auto link = AttachUprobes(program, path, places);
    if (!link) return link.error();
    at_once_.push_back(std::move(*link));
    return true;
  }
  for (const uint64_t offset : offsets) {
    bpf_link* const link = bpf_program__attach_uprobe(program, /*retprobe=*/false, /*pid=*/-1, path.c_str(), offset);
    if (link == nullptr) return SystemError("its functions cannot be probed");
    links_.emplace_back(link);
  }
  return true;
}

}  // namespace tracelet::source
