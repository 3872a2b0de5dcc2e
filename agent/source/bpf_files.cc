#include "agent/source/bpf_files.h"

#include <sys/stat.h>

#include "agent/source/return_probes.h"

namespace tracelet::source {
namespace {

Result<UprobeLinks> Attach(const std::string& path, const std::vector<BpfFiles::Place>& places) {
  UprobeLinks links;
  for (const BpfFiles::Place& place : places) {
    if (place.at_return && ReturnProbesHarmHere()) return Error{kReturnProbesHarm};
    auto link = AttachUprobe(place.program, place.at_return, path, place.offset);
    if (!link) {
      while (!links.empty()) links.pop_back();
      return link.error();
    }
    links.push_back(std::move(*link));
  }
  return links;
}

}  // namespace

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
  Result<UprobeLinks> links = Attach(path, places);
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
