// What is kept of the API server's objects. Plain data.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tracelet::kubernetes {

// Annotations that are read wherever they stand.
inline constexpr char kTraceAnnotation[] = "tracelet.io/trace";               // "false": not traced
inline constexpr char kServiceNameAnnotation[] = "tracelet.io/service-name";  // goes before every other name
inline constexpr char kNameLabel[] = "app.kubernetes.io/name";                // "Recommended Labels"

struct Container {
  std::string name;
  std::string image;
  std::string id;  // 64 hex digits; empty until the kubelet has said so, about a second after its start
};

struct Pod {
  std::string uid;
  std::string static_uid;  // of a static pod: what its control group is named by instead
  std::string namespace_name;
  std::string name;
  std::string node;
  std::string owner_kind;  // Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, ...; empty: none
  std::string owner_name;
  bool host_network = false;
  bool over = false;                               // Succeeded or Failed: its address is free
  std::vector<std::string> addresses;              // empty until it has one
  std::map<std::string, std::string> labels;       // up to kMaxLabels
  std::map<std::string, std::string> annotations;  // those that are wanted
  std::vector<Container> containers;               // also init and ephemeral ones
  size_t long_running = 0;                         // containers that are neither
};

inline constexpr size_t kMaxLabels = 64;
inline constexpr size_t kMaxContainers = 64;

// One end of a call, as far as it is known.
struct Peer {
  std::string namespace_name;
  std::string pod;
  std::string service;
  std::string node;
  bool operator==(const Peer&) const = default;
};

}  // namespace tracelet::kubernetes
