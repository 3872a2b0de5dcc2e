#include "agent/source/bpf_uprobes.h"

#include <utility>

#include "agent/source/uprobe_multi.h"

namespace tracelet::source {

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
    auto link = AttachUprobe(program, /*at_return=*/false, path, offset);
    if (!link) return link.error();
    links_.push_back(std::move(*link));
  }
  return true;
}

}  // namespace tracelet::source
