// Who a process is. Filled by the source (from /proc when live, from the file in
// a replay), read by everything to its right. Plain data.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tracelet::process {

// Never reused while the machine runs: start_ns is task->start_time
// (CLOCK_MONOTONIC) of the thread group's leader.
struct ProcessKey {
  uint32_t tgid = 0;
  uint64_t start_ns = 0;
  auto operator<=>(const ProcessKey&) const = default;
};

struct ProcessInfo {
  ProcessKey key;
  uint32_t ppid = 0;
  std::string comm;
  std::string exe;  // target of /proc/PID/exe, or what exec was given by a process that is gone; may be empty
  std::vector<std::string> args;
  std::string service_name;                      // by the rules in service_name.h; never empty
  std::string container_id;                      // 64 hex digits or empty
  std::string cgroup;                            // path on the `0::` line, or the longest v1 path
  std::vector<std::string> resource_attributes;  // "key=value" of OTEL_RESOURCE_ATTRIBUTES
  bool name_stated = false;                      // service_name is the process's own word: its environment
  std::string pod_uid;                           // of Kubernetes, from the cgroup; empty: in no pod
  std::vector<std::string> pod_attributes;       // "key=value", what the API server says: pipeline::PodTagger
  bool loop_unsupported = false;                 // nginx or Node, but its event loop could not be probed
  bool goroutines_unsupported = false;           // a Go program, but its goroutines cannot be followed
};

}  // namespace tracelet::process

template <>
struct std::hash<tracelet::process::ProcessKey> {
  size_t operator()(const tracelet::process::ProcessKey& key) const {
    return std::hash<uint64_t>{}(key.start_ns * 0x9e3779b97f4a7c15ULL ^ key.tgid);
  }
};
