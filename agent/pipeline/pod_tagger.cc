#include "agent/pipeline/pod_tagger.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "agent/kubernetes/objects.h"
#include "agent/span/attributes.h"

namespace tracelet::pipeline {
namespace {

using kubernetes::Pod;
using process::ProcessInfo;

constexpr std::string_view kPeerService = "peer.service";
constexpr std::string_view kPeerNamespace = "tracelet.peer.k8s.namespace.name";
constexpr std::string_view kPeerPod = "tracelet.peer.k8s.pod.name";
constexpr std::string_view kPeerNode = "tracelet.peer.k8s.node.name";
constexpr std::string_view kPeerServiceName = "tracelet.peer.k8s.service.name";

std::string ValueAt(const std::map<std::string, std::string>& texts, const char* key) {
  const auto found = texts.find(key);
  return found == texts.end() ? std::string() : found->second;
}

// A CronJob's Jobs are named after it and the minute they began at: "nightly-28934401".
std::string_view WithoutMinute(std::string_view job) {
  constexpr size_t kDigits = 8;
  const size_t dash = job.rfind('-');
  if (dash == std::string_view::npos || dash == 0 || job.size() - dash - 1 != kDigits) return job;
  const std::string_view digits = job.substr(dash + 1);
  const bool minute = std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  return minute ? job.substr(0, dash) : job;
}

std::string ServiceNameOf(const ProcessInfo& process, const Pod& pod) {
  if (std::string name = ValueAt(pod.annotations, kubernetes::kServiceNameAnnotation); !name.empty()) return name;
  if (process.name_stated) return process.service_name;
  if (std::string name = ValueAt(pod.labels, kubernetes::kNameLabel); !name.empty()) return name;
  if (pod.owner_kind == "Job") return std::string(WithoutMinute(pod.owner_name));
  // A static pod's owner is its node.
  return pod.owner_name.empty() || pod.owner_kind == "Node" ? process.service_name : pod.owner_name;
}

// k8s.deployment.name, ... of the kinds that the conventions know.
std::string OwnerKey(const std::string& kind) {
  for (const char* known : {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"}) {
    if (kind != known) continue;
    std::string key = "k8s.";
    for (const char c : kind) key += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return key + ".name";
  }
  return {};
}

const std::string* TextOf(const span::Span& span, std::string_view key) {
  for (const span::Attribute& attribute : span.attributes) {
    if (attribute.key == key) return std::get_if<std::string>(&attribute.value);
  }
  return nullptr;
}

int64_t NumberOf(const span::Span& span, std::string_view key) {
  for (const span::Attribute& attribute : span.attributes) {
    if (attribute.key != key) continue;
    const int64_t* number = std::get_if<int64_t>(&attribute.value);
    return number == nullptr ? 0 : *number;
  }
  return 0;
}

}  // namespace

PodTagger::PodTagger(const config::Config& config, PodSources sources, span::SpanSink& next)
    : Processor(next), config_(config.kubernetes), selector_(config.selector), sources_(std::move(sources)) {}

bool PodTagger::Wanted(const ProcessInfo& process) const {
  const auto pod = sources_.pods.Find(process.pod_uid, process.container_id);
  const bool unknown = !pod && !process.pod_uid.empty();
  return unknown || selector_.Selects(pod.get(), process.container_id);
}

std::shared_ptr<const ProcessInfo> PodTagger::Tagged(const ProcessInfo& process, const Pod* pod, State state) const {
  auto tagged = std::make_shared<ProcessInfo>(process);
  auto& attributes = tagged->pod_attributes;
  const auto add = [&](const std::string& key, const std::string& value) {
    if (!key.empty() && !value.empty()) attributes.push_back(key + "=" + value);
  };
  add("k8s.node.name", sources_.node);
  if (state == State::kAbsent) add("tracelet.kubernetes", "absent");
  if (state == State::kStale) add("tracelet.kubernetes", "stale");
  if (pod == nullptr) {
    add("k8s.pod.uid", process.pod_uid);
    return tagged;
  }
  add("k8s.namespace.name", pod->namespace_name);
  add("k8s.pod.name", pod->name);
  add("k8s.pod.uid", pod->uid);
  add(OwnerKey(pod->owner_kind), pod->owner_name);
  if (const auto* container = kubernetes::ContainerOf(*pod, process.container_id)) {
    add("k8s.container.name", container->name);
  }
  for (const std::string& key : config_.labels) add("k8s.pod.label." + key, ValueAt(pod->labels, key.c_str()));
  for (const std::string& key : config_.annotations) {
    add("k8s.pod.annotation." + key, ValueAt(pod->annotations, key.c_str()));
  }
  tagged->service_name = ServiceNameOf(process, *pod);
  return tagged;
}

const PodTagger::Known& PodTagger::Look(const std::shared_ptr<const ProcessInfo>& process) {
  if (known_.size() >= kMaxKnown && !known_.contains(process.get())) known_.clear();
  Known& known = known_[process.get()];
  const bool stale = sources_.stale();
  const bool same_state =
      known.state != State::kFresh && known.state != State::kStale ? true : (known.state == State::kStale) == stale;
  const uint64_t version = sources_.pods.version();
  if (known.tagged && known.version == version && same_state) return known;
  PodPtr pod = sources_.pods.Find(process->pod_uid, process->container_id);
  State state = process->pod_uid.empty() ? State::kOutside : State::kAbsent;
  if (pod) state = stale ? State::kStale : State::kFresh;
  known.version = version;
  if (known.tagged && known.pod == pod && known.state == state) return known;
  known.process = process;
  known.tagged = Tagged(*process, pod.get(), state);
  known.selected = state == State::kAbsent || selector_.Selects(pod.get(), process->container_id);
  known.pod = std::move(pod);
  known.state = state;
  return known;
}

// A client's span names who it called, by address and port; a server's who called it, where the address
// alone says so.
void PodTagger::NamePeer(span::Span& span) const {
  const std::string* address = TextOf(span, span::attributes::kNetworkPeerAddress);
  if (address == nullptr || address->empty()) return;
  std::optional<kubernetes::Peer> peer;
  if (span.kind == span::Kind::kClient) {
    const int64_t port = NumberOf(span, span::attributes::kNetworkPeerPort);
    peer = sources_.peers.Find(kubernetes::Endpoint(*address, port), span.start_unix_ns);
  }
  if (!peer) peer = sources_.peers.Find(*address, span.start_unix_ns);
  if (!peer) return;
  const auto add = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) span.attributes.push_back({key, value});
  };
  if (span.kind == span::Kind::kClient) add(kPeerService, peer->service);
  add(kPeerNamespace, peer->namespace_name);
  add(kPeerPod, peer->pod);
  add(kPeerServiceName, peer->service);
  add(kPeerNode, peer->node);
}

void PodTagger::OnSpan(std::shared_ptr<const span::Span> span) {
  const Known& known = Look(span->process);
  if (!known.selected) {
    ++not_selected_;
    return;
  }
  // Every span is made as one that can be changed; one that nobody else holds is changed in its place.
  auto tagged = span.use_count() == 1 ? std::const_pointer_cast<span::Span>(span) : std::make_shared<span::Span>(*span);
  span.reset();
  tagged->process = known.tagged;
  if (config_.peers) NamePeer(*tagged);
  Pass(std::move(tagged));
}

}  // namespace tracelet::pipeline
