// What a process's control groups say about it: /proc/PID/cgroup, v1, v2 and both
// at once (cgroups(7)). Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace tracelet::process {

struct Cgroups {
  std::string path;          // of the `0::` line, or the longest v1 path where that says nothing
  std::string container_id;  // 64 hex digits, or empty
  std::string pod_uid;       // as the API server writes it, or empty
};

// `text` is the whole file: lines of "hierarchy:controllers:path".
Cgroups ParseCgroups(std::string_view text);

// The innermost container in a cgroup path: docker-ID.scope, cri-containerd-ID.scope,
// crio-ID.scope, libpod-ID.scope, /kubepods/.../ID, /docker/ID, slice:cri-containerd:ID.
// Empty for none. A container's monitor (libpod-conmon-ID) is not in the container.
std::string ContainerId(std::string_view cgroup_path);

// The pod in a cgroup path of a kubelet: kubepods/burstable/podUID/..., and by systemd
// kubepods-burstable-podUID.slice, where the uid has "_" for "-". A static pod's is 32 hex digits.
std::string PodUid(std::string_view cgroup_path);

// What a kubelet keeps all its pods below: "/node" for "/node/kubepods/...". Empty outside of a pod, and
// where the kubelet has the whole machine.
std::string KubeletRoot(std::string_view cgroup_path);

// "nginx" for a path that ends inside nginx.service; instances lose their "@name".
// Empty inside a scope, for a user's session manager (user@1000.service), and when the
// unit is outside the container.
std::string SystemdUnit(std::string_view cgroup_path);

}  // namespace tracelet::process
