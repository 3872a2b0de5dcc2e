#include "agent/source/bpf_files.h"

#include <bpf/libbpf.h>
#include <sys/stat.h>

#include "agent/source/return_probes.h"

namespace tracelet::source {
namespace {

Result<BpfFiles::Links> Attach(const std::string& path, const std::vector<BpfFiles::Place>& places) {
  BpfFiles::Links links;
  for (const BpfFiles::Place& place : places) {
    if (place.at_return && ReturnProbesHarmHere()) return Error{kReturnProbesHarm};
    links.emplace_back(
        bpf_program__attach_uprobe(place.program, place.at_return, /*pid=*/-1, path.c_str(), place.offset));
    if (links.back() == nullptr) {
      while (!links.empty()) links.pop_back();
      return SystemError("its functions cannot be probed");
    }
  }
  return links;
}

}  // namespace

void BpfFiles::Unlink::operator()(bpf_link* link) const { bpf_link__destroy(link); }

Result<BpfFiles::Id> BpfFiles::Use(const std::string& path, const std::vector<Place>& places) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return SystemError("cannot look at " + path);
  const Id id{status.st_dev, status.st_ino};
  const auto known = files_.find(id);
  if (known != files_.end()) {
    ++known->second.users;
    return id;
  }
  if (files_.size() >= kMaxFiles) return Error{"too many different executables"};
  Result<Links> links = Attach(path, places);
  if (!links) return links.error();
  files_.emplace(id, File{.links = std::move(*links), .users = 1});
  return id;
}

void BpfFiles::Release(const Id& id) {
  const auto file = files_.find(id);
  // Nobody runs it: that the others go first makes no difference.
  if (file != files_.end() && --file->second.users == 0) files_.erase(file);
}

}  // namespace tracelet::source
