#include "agent/kubernetes/objects.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace tracelet::kubernetes {
namespace {

using nlohmann::json;

const json kNothing;

const json& At(const json& object, const char* key) {
  if (!object.is_object()) return kNothing;
  const auto found = object.find(key);
  return found == object.end() ? kNothing : *found;
}

const json& At(const json& object, std::initializer_list<const char*> path) {
  const json* at = &object;
  for (const char* key : path) at = &At(*at, key);
  return *at;
}

std::string Text(const json& value) { return value.is_string() ? value.get<std::string>() : std::string(); }
bool True(const json& value) { return value.is_boolean() && value.get<bool>(); }

template <typename Keep>
std::map<std::string, std::string> Texts(const json& object, Keep&& keep) {
  std::map<std::string, std::string> texts;
  if (!object.is_object()) return texts;
  for (const auto& [key, value] : object.items()) {
    if (texts.size() < kMaxLabels && value.is_string() && keep(key)) texts.emplace(key, Text(value));
  }
  return texts;
}

// "containerd://ID" -> ID
std::string IdOf(const json& status) {
  const std::string id = Text(At(status, "containerID"));
  const size_t scheme = id.find("://");
  return scheme == std::string::npos ? std::string() : id.substr(scheme + 3);
}

void ReadContainers(const json& object, const char* specs, const char* statuses, Pod& pod) {
  const size_t first = pod.containers.size();
  for (const json& spec : At(object, {"spec", specs})) {
    if (pod.containers.size() == kMaxContainers) return;
    pod.containers.push_back({Text(At(spec, "name")), Text(At(spec, "image")), {}});
  }
  for (const json& status : At(object, {"status", statuses})) {
    const std::string name = Text(At(status, "name"));
    const auto same = [&](const Container& container) { return container.name == name; };
    const auto found =
        std::find_if(pod.containers.begin() + static_cast<std::ptrdiff_t>(first), pod.containers.end(), same);
    if (found != pod.containers.end()) found->id = IdOf(status);
  }
}

void ReadOwner(const json& metadata, Pod& pod) {
  for (const json& owner : At(metadata, "ownerReferences")) {
    if (True(At(owner, "controller"))) return NameOwner(Text(At(owner, "kind")), Text(At(owner, "name")), pod);
  }
}

}  // namespace

std::string TextAt(const json& object, std::initializer_list<const char*> path) { return Text(At(object, path)); }

std::string KeyOf(const json& object) {
  return TextAt(object, {"metadata", "namespace"}) + "/" + TextAt(object, {"metadata", "name"});
}

std::string Endpoint(std::string_view address, int64_t port) {
  return std::string(address) + "|" + std::to_string(port);
}

void NameOwner(const std::string& kind, const std::string& name, Pod& pod) {
  pod.owner_kind = kind;
  pod.owner_name = name;
  const auto hash = pod.labels.find("pod-template-hash");
  if (kind != "ReplicaSet" || hash == pod.labels.end()) return;
  const std::string ending = "-" + hash->second;
  if (name.size() <= ending.size() || !name.ends_with(ending)) return;
  pod.owner_kind = "Deployment";
  pod.owner_name.resize(name.size() - ending.size());
}

std::optional<Pod> ReadPod(const json& object, const std::vector<std::string>& annotations) {
  const json& metadata = At(object, "metadata");
  Pod pod;
  pod.uid = Text(At(metadata, "uid"));
  if (pod.uid.empty()) return std::nullopt;
  pod.namespace_name = Text(At(metadata, "namespace"));
  pod.name = Text(At(metadata, "name"));
  pod.node = TextAt(object, {"spec", "nodeName"});
  pod.static_uid = TextAt(metadata, {"annotations", "kubernetes.io/config.hash"});
  pod.host_network = True(At(object, {"spec", "hostNetwork"}));
  const std::string phase = TextAt(object, {"status", "phase"});
  pod.over = phase == "Succeeded" || phase == "Failed";
  pod.labels = Texts(At(metadata, "labels"), [](const std::string&) { return true; });
  pod.annotations = Texts(At(metadata, "annotations"), [&](const std::string& key) {
    return key == kTraceAnnotation || key == kServiceNameAnnotation || std::ranges::count(annotations, key) > 0;
  });
  ReadOwner(metadata, pod);
  for (const json& address : At(object, {"status", "podIPs"})) {
    if (std::string ip = Text(At(address, "ip")); !ip.empty()) pod.addresses.push_back(std::move(ip));
  }
  ReadContainers(object, "containers", "containerStatuses", pod);
  pod.long_running = pod.containers.size();
  ReadContainers(object, "initContainers", "initContainerStatuses", pod);
  ReadContainers(object, "ephemeralContainers", "ephemeralContainerStatuses", pod);
  return pod;
}

Addresses AddressesOf(const Pod& pod) {
  Addresses found;
  if (pod.host_network || pod.over) return found;
  for (const std::string& address : pod.addresses) {
    found.emplace_back(address, Peer{pod.namespace_name, pod.name, {}, pod.node});
  }
  return found;
}

Addresses ReadService(const json& object) {
  Addresses found;
  const Peer peer = {TextAt(object, {"metadata", "namespace"}), {}, TextAt(object, {"metadata", "name"}), {}};
  for (const json& address : At(object, {"spec", "clusterIPs"})) {
    const std::string ip = Text(address);
    if (ip.empty() || ip == "None") continue;
    for (const json& port : At(object, {"spec", "ports"})) {
      if (Text(At(port, "protocol")) != "TCP" || !At(port, "port").is_number_integer()) continue;
      found.emplace_back(Endpoint(ip, At(port, "port").get<int64_t>()), peer);
    }
  }
  return found;
}

Addresses ReadEndpointSlice(const json& object) {
  Addresses found;
  const std::string service = TextAt(object, {"metadata", "labels", "kubernetes.io/service-name"});
  for (const json& endpoint : At(object, "endpoints")) {
    if (TextAt(endpoint, {"targetRef", "kind"}) != "Pod") continue;
    const Peer peer = {TextAt(endpoint, {"targetRef", "namespace"}), TextAt(endpoint, {"targetRef", "name"}), service,
                       Text(At(endpoint, "nodeName"))};
    for (const json& address : At(endpoint, "addresses")) {
      for (const json& port : At(object, "ports")) {
        if (Text(At(port, "protocol")) != "TCP" || !At(port, "port").is_number_integer()) continue;
        found.emplace_back(Endpoint(Text(address), At(port, "port").get<int64_t>()), peer);
      }
    }
  }
  return found;
}

}  // namespace tracelet::kubernetes
