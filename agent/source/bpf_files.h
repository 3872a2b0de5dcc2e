// BpfFiles: executables and libraries with probes, one set for each file (device, inode),
// whichever processes run it, as long as one does; then a process that starts later is probed
// from its first instruction on. Nothing is written into a process.
//
// One thread. At most kMaxFiles files.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/result.h"
#include "agent/base/unique_fd.h"
#include "agent/source/bpf_uprobe_link.h"

struct bpf_program;

namespace tracelet::source {

class BpfFiles {
 public:
  static constexpr size_t kMaxFiles = 64;

  using Id = std::pair<dev_t, ino_t>;

  // One program at one place of a file, at a function's entry or at its return.
  struct Place {
    const bpf_program* program = nullptr;
    uint64_t offset = 0;
    bool at_return = false;
  };

  // `at_once`: MakeUprobeMulti() was called for all programs.
  explicit BpfFiles(bool at_once = false) : at_once_(at_once) {}

  // For one more process: the probes are there when it returns. Those of `places` are attached in
  // this order unless the file has them already.
  Result<Id> Use(const std::string& path, const std::vector<Place>& places);
  // A process that used it is gone.
  void Release(const Id& id);
  void Clear() { files_.clear(); }
  [[nodiscard]] size_t size() const { return files_.size(); }

 private:
  struct File {
    UprobeLinks links;  // the one attached last comes last
    std::vector<UniqueFd> at_once;
    size_t users = 0;
  };
  Status Attach(const std::string& path, const std::vector<Place>& places, File& file) const;

  const bool at_once_;
  std::map<Id, File> files_;
};

}  // namespace tracelet::source
