// `tracelet check`: what works on this host, what does not, and the remedy. Every
// finding but the last is read from files below a root, so that tests have hosts of
// their own; the last one loads the programs into the kernel and is what counts.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/base/result.h"

namespace tracelet::cli {

enum class Level {
  kOk,
  kWarn,  // capture starts, something will not be seen
  kFail,  // capture does not start
};

struct Finding {
  Level level = Level::kOk;
  std::string what;
  std::string found;
  std::string remedy;  // empty with kOk
};

// `root` is "" or the directory that stands for /.
Finding CheckKernel(const std::string& root);
Finding CheckBtf(const std::string& root);
Finding CheckCapabilities(const std::string& root);
Finding CheckLockdown(const std::string& root);
Finding CheckMemlock(const std::string& root);
Finding CheckUnprivilegedBpf(const std::string& root);
Finding CheckCgroups(const std::string& root);
// Is it the one whose numbers the kernel reports?
Finding CheckPidNamespace(const std::string& root);
Finding CheckIoUring(const std::string& root);
// How the programs get into this kernel; unloading them is the caller's.
struct Loading {
  std::function<Status()> start;  // capture
  std::function<Status()> late;   // once capture has started: what is loaded when a program needs it
};
Finding CheckLoad(const Loading& loading);

std::vector<Finding> CheckHost(const std::string& root, const Loading& loading);
std::string RenderFindings(const std::vector<Finding>& findings);
// Would capture start?
bool WouldStart(const std::vector<Finding>& findings);

}  // namespace tracelet::cli
