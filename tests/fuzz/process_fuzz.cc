// What a process may put into its own command line, environment and cgroup names.
#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "agent/process/container_id.h"
#include "agent/process/service_name.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tracelet::process;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto take = [&] {
    const std::string_view part = text.substr(0, text.find('\0'));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    return std::string(part);
  };
  ProcessInfo info;
  info.exe = take();
  Cgroups cgroups = ParseCgroups(take());
  if (!cgroups.container_id.empty() && cgroups.container_id.size() != 64) std::abort();
  info.cgroup = cgroups.path;
  info.resource_attributes = ParseResourceAttributes(take());
  NameEvidence evidence{.otel_service_name = take(), .cwd = take()};
  while (!text.empty()) info.args.push_back(take());
  if (ServiceName(info, evidence).empty()) std::abort();
  return 0;
}
