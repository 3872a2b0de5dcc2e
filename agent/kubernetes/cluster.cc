#include "agent/kubernetes/cluster.h"

#include <time.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "agent/admin/metrics_text.h"
#include "agent/base/clock.h"

namespace tracelet::kubernetes {
namespace {

std::string NodeName(const config::Kubernetes& config, const std::string& host_name) {
  if (!config.node.empty()) return config.node;
  const char* name = std::getenv("NODE_NAME");  // NOLINT(concurrency-mt-unsafe): nothing sets variables
  return name != nullptr && *name != '\0' ? std::string(name) : host_name;
}

}  // namespace

Cluster::Cluster(const config::Kubernetes& config, const std::string& host_name)
    : config_(config), node_(NodeName(config, host_name)), pods_(config.max_pods), peers_(config.max_addresses) {
  FollowPods();
  if (!config.peers) return;
  FollowPeers("services", "/api/v1/services", ReadService);
  FollowPeers("endpointslices", "/apis/discovery.k8s.io/v1/endpointslices", ReadEndpointSlice);
}

void Cluster::Stop() {
  for (const auto& watch : watches_) watch->Stop();
}

void Cluster::FollowPods() {
  WatchHandler handler;
  handler.put = [this](const nlohmann::json& object) {
    std::optional<Pod> pod = ReadPod(object, config_.annotations);
    if (!pod) return;
    peers_.Put("pods/" + pod->uid, AddressesOf(*pod), ReadClock(CLOCK_REALTIME));
    pods_.Put(std::move(*pod), Watch::Clock::now());
  };
  handler.remove = [this](const nlohmann::json& object) {
    const std::string uid = TextAt(object, {"metadata", "uid"});
    peers_.Put("pods/" + uid, {}, ReadClock(CLOCK_REALTIME));
    pods_.Remove(uid, Watch::Clock::now());
  };
  handler.begin_list = [this] {
    pods_.BeginList();
    peers_.BeginList("pods");
  };
  handler.end_list = [this] {
    pods_.EndList(Watch::Clock::now());
    peers_.EndList("pods");
  };
  watches_.push_back(
      std::make_unique<Watch>(config_, "/api/v1/pods", "fieldSelector=spec.nodeName%3D" + node_, std::move(handler)));
}

void Cluster::FollowPeers(const std::string& kind, const std::string& path, Addresses (*read)(const nlohmann::json&)) {
  WatchHandler handler;
  handler.put = [this, kind, read](const nlohmann::json& object) {
    peers_.Put(kind + "/" + KeyOf(object), read(object), ReadClock(CLOCK_REALTIME));
  };
  handler.remove = [this, kind](const nlohmann::json& object) {
    peers_.Put(kind + "/" + KeyOf(object), {}, ReadClock(CLOCK_REALTIME));
  };
  handler.begin_list = [this, kind] { peers_.BeginList(kind); };
  handler.end_list = [this, kind] { peers_.EndList(kind); };
  watches_.push_back(std::make_unique<Watch>(config_, path, "", std::move(handler)));
}

bool Cluster::Stale() const { return watches_.front()->AwayFor() > std::chrono::seconds(config_.stale_after_s); }

void Cluster::AppendMetrics(std::string& out) const {
  admin::MetricsText text(out);
  text.Gauge("tracelet_kubernetes_pods", "Of this node, known.");
  text.Sample("", pods_.size());
  text.Gauge("tracelet_kubernetes_addresses", "Of Services and pods, known.");
  text.Sample("", peers_.size());
  text.Counter("tracelet_kubernetes_refused_total", "What did not fit.");
  text.Sample(R"(what="pod")", pods_.refused());
  text.Sample(R"(what="address")", peers_.refused());
  const auto each = [&](auto number) {
    for (const auto& watch : watches_) {
      std::string labels;
      admin::AppendLabel("path", watch->path(), labels);
      text.Sample(labels, number(watch->numbers()));
    }
  };
  text.Gauge("tracelet_kubernetes_connected", "1 while the API server is heard.");
  each([](const WatchNumbers& numbers) { return uint64_t{numbers.connected}; });
  text.Counter("tracelet_kubernetes_lists_total", "Whole lists read.");
  each([](const WatchNumbers& numbers) { return numbers.lists; });
  text.Counter("tracelet_kubernetes_streams_total", "Times that changes were asked for.");
  each([](const WatchNumbers& numbers) { return numbers.streams; });
  text.Counter("tracelet_kubernetes_events_total", "Changes and bookmarks heard.");
  each([](const WatchNumbers& numbers) { return numbers.events; });
  text.Counter("tracelet_kubernetes_failures_total", "Questions that were not answered well.");
  each([](const WatchNumbers& numbers) { return numbers.failures; });
}

}  // namespace tracelet::kubernetes
