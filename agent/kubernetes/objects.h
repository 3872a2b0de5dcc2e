// The API server's JSON (core/v1, discovery.k8s.io/v1) -> what is kept of it. Pure
// functions; fields that are missing or of another type than the API says are empty.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/kubernetes/pod.h"

namespace tracelet::kubernetes {

// A string inside nested objects: TextAt(pod, {"metadata", "name"}).
std::string TextAt(const nlohmann::json& object, std::initializer_list<const char*> path);

// "namespace/name": how objects of one kind are told apart.
std::string KeyOf(const nlohmann::json& object);

// `annotations`: the keys that are kept beside those of pod.h. Empty without a uid.
std::optional<Pod> ReadPod(const nlohmann::json& object, const std::vector<std::string>& annotations);

// "ADDRESS:PORT/PROTOCOL" of all that answers there, as PeerTable knows it.
using Addresses = std::vector<std::pair<std::string, Peer>>;
Addresses ReadService(const nlohmann::json& object);
Addresses ReadEndpointSlice(const nlohmann::json& object);
// "ADDRESS" of pods that have one of their own.
Addresses AddressesOf(const Pod& pod);

std::string Endpoint(std::string_view address, int64_t port);

// "Deployment" and "front" for a ReplicaSet's pod: the ReplicaSet's name is the deployment's and
// the value of the label pod-template-hash, which is the controller's own rule.
void NameOwner(const std::string& kind, const std::string& name, Pod& pod);

}  // namespace tracelet::kubernetes
