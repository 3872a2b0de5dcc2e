#include "agent/source/bpf_files.h"

#include <sys/stat.h>

#include "agent/source/return_probes.h"
#include "agent/source/uprobe_multi.h"

namespace tracelet::source {

Status BpfFiles::Attach(const std::string& path, const std::vector<Place>& places, File& file) const {
  for (size_t i = 0; i < places.size(); ++i) {
    const Place& place = places[i];
    if (place.at_return && ReturnProbesHarmHere()) return Error{kReturnProbesHarm};
    if (!at_once_) {
      auto link = AttachUprobe(place.program, place.at_return, path, place.offset);
      if (!link) return link.error();
      file.links.push_back(std::move(*link));
      continue;
    }
    UprobePlaces same{.offsets = {place.offset}, .cookies = {0}, .returns = place.at_return};
    while (i + 1 < places.size() && places[i + 1].program == place.program) {
      same.offsets.push_back(places[++i].offset);
      same.cookies.push_back(0);
    }
    auto link = AttachUprobes(place.program, path, same);
    if (!link) return link.error();
    file.at_once.push_back(std::move(*link));
  }
  return Ok();
}

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
  File file{.links = {}, .at_once = {}, .users = 1};
  if (const Status attached = Attach(path, places, file); !attached) {
    while (!file.links.empty()) file.links.pop_back();
    return attached.error();
  }
  files_.emplace(id, std::move(file));
  return id;
}

void BpfFiles::Release(const Id& id) {
  const auto file = files_.find(id);
  // Nobody runs it: that the others go first makes no difference.
  if (file != files_.end() && --file->second.users == 0) files_.erase(file);
}

}  // namespace tracelet::source
