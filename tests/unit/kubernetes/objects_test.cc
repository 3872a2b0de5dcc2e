#include "agent/kubernetes/objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "agent/kubernetes/pod_selector.h"
#include "agent/kubernetes/pod_table.h"
#include "tests/unit/kubernetes/api_server.h"

namespace tracelet::kubernetes {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::Pair;

json Items(const std::string& file) { return json::parse(Recorded(file)).at("items"); }

Pod FrontPod(const std::vector<std::string>& annotations = {}) { return *ReadPod(Items("pods.json")[0], annotations); }

TEST(Objects, APodOfADeployment) {
  const Pod pod = FrontPod();
  EXPECT_EQ(pod.namespace_name, "shop");
  EXPECT_EQ(pod.name, "front-845975d989-x84qf");
  EXPECT_EQ(pod.uid, "e35f8a07-f6db-455b-b430-e166ec34ccf7");
  EXPECT_EQ(pod.node, "worker-node02");
  EXPECT_EQ(pod.owner_kind, "Deployment");
  EXPECT_EQ(pod.owner_name, "front");
  EXPECT_THAT(pod.addresses, ElementsAre("10.88.2.2"));
  EXPECT_EQ(pod.labels.at(kNameLabel), "storefront");
  EXPECT_THAT(pod.annotations, ElementsAre(Pair(kServiceNameAnnotation, "front-end")));
  ASSERT_EQ(pod.containers.size(), 2u);
  EXPECT_EQ(pod.containers[0].name, "web");
  EXPECT_EQ(pod.containers[0].id, "ad788329d4f84c2389427285bdef4c95066eb2b0308aba2c30053a83f0fbbf4e");
  EXPECT_EQ(ContainerOf(pod, pod.containers[1].id)->name, "helper");
  EXPECT_EQ(ContainerOf(pod, ""), nullptr) << "which of two is not known";
}

TEST(Objects, APodOnTheHostsNetworkHasNoAddressOfItsOwn) {
  const Pod pod = *ReadPod(Items("pods.json")[1], {});
  EXPECT_EQ(pod.owner_kind, "DaemonSet");
  EXPECT_EQ(pod.owner_name, "log");
  EXPECT_TRUE(pod.host_network);
  EXPECT_TRUE(AddressesOf(pod).empty());
  EXPECT_EQ(ContainerOf(pod, "")->name, "log") << "there is only one";
}

TEST(Objects, AReplicaSetIsADeploymentsOnlyByTheHashInItsName) {
  Pod pod;
  NameOwner("ReplicaSet", "web-5f9", pod);
  EXPECT_EQ(pod.owner_kind + "/" + pod.owner_name, "ReplicaSet/web-5f9");
  pod.labels["pod-template-hash"] = "5f9";
  NameOwner("ReplicaSet", "web-5f9", pod);
  EXPECT_EQ(pod.owner_kind + "/" + pod.owner_name, "Deployment/web");
  NameOwner("ReplicaSet", "-5f9", pod);
  EXPECT_EQ(pod.owner_kind + "/" + pod.owner_name, "ReplicaSet/-5f9");
}

TEST(Objects, AStaticPodIsKnownByTheHashOfItsManifest) {
  json object = Items("pods.json")[0];
  object["metadata"]["annotations"]["kubernetes.io/config.hash"] = "0123456789abcdef0123456789abcdef";
  PodTable table(16);
  table.Put(*ReadPod(object, {}), {});
  EXPECT_NE(table.Find("0123456789abcdef0123456789abcdef", ""), nullptr);
}

TEST(Objects, ServicesAndWhatIsBehindThem) {
  const json services = Items("services.json");
  EXPECT_THAT(ReadService(services[1]),
              ElementsAre(Pair(Endpoint("10.96.247.226", 80), Peer{"shop", "", "front", ""})));
  Addresses found;
  for (const json& slice : Items("endpointslices.json")) {
    for (auto& address : ReadEndpointSlice(slice)) found.push_back(std::move(address));
  }
  EXPECT_THAT(found,
              testing::UnorderedElementsAre(
                  Pair(Endpoint("10.88.3.2", 8080), Peer{"shop", "front-845975d989-57s48", "front", "worker-node03"}),
                  Pair(Endpoint("10.88.2.2", 8080), Peer{"shop", "front-845975d989-x84qf", "front", "worker-node02"})));
}

// Every value of a pod in the place of every other: fields of a wrong type are empty, and nothing throws.
TEST(Objects, FieldsOfAnyTypeAreRead) {
  const json pod = Items("pods.json")[0];
  const json flat = pod.flatten();
  const json wrong[] = {nullptr, 1, "text", true, json::array({1, "a", json::object()}), json::object({{"k", 2}})};
  for (const auto& [path, value] : flat.items()) {
    for (const json& other : wrong) {
      for (json::json_pointer at(path); !at.empty(); at.pop_back()) {
        json damaged = pod;
        damaged[at] = other;
        (void)ReadPod(damaged, {});
        (void)ReadService(damaged);
        (void)ReadEndpointSlice(damaged);
      }
    }
  }
  EXPECT_FALSE(ReadPod(json(), {}).has_value());
}

TEST(PodSelector, EachKeyHasToHold) {
  const Pod pod = FrontPod();
  const auto selects = [&](auto&& set) {
    config::Selector settings;
    set(settings);
    return PodSelector(settings).Selects(&pod, pod.containers[0].id);
  };
  EXPECT_TRUE(selects([](auto&) {}));
  EXPECT_TRUE(selects([](auto& settings) { settings.namespaces = {"other", "shop"}; }));
  EXPECT_FALSE(selects([](auto& settings) { settings.namespaces = {"other"}; }));
  EXPECT_FALSE(selects([](auto& settings) { settings.not_namespaces = {"shop"}; }));
  EXPECT_TRUE(selects([](auto& settings) { settings.pod_labels = {"app=front"}; }));
  EXPECT_FALSE(selects([](auto& settings) { settings.pod_labels = {"app=fron"}; }));
  EXPECT_TRUE(selects([](auto& settings) { settings.pod_labels = {"app"}; }));
  EXPECT_FALSE(selects([](auto& settings) { settings.pod_labels = {"tier"}; }));
  EXPECT_TRUE(selects([](auto& settings) { settings.owners = {"front"}; }));
  EXPECT_TRUE(selects([](auto& settings) { settings.owners = {"Deployment/front"}; }));
  EXPECT_FALSE(selects([](auto& settings) { settings.owners = {"StatefulSet/front"}; }));
  EXPECT_TRUE(selects([](auto& settings) { settings.images = {"localhost/*:1"}; }));
  EXPECT_FALSE(selects([](auto& settings) { settings.images = {"nginx*"}; }));
  config::Selector namespaces;
  namespaces.namespaces = {"shop"};
  EXPECT_FALSE(PodSelector(namespaces).Selects(nullptr, "")) << "a process in no pod is in no namespace";
  EXPECT_TRUE(PodSelector({}).Selects(nullptr, ""));
}

TEST(PodSelector, AnAnnotationRefuses) {
  Pod pod = FrontPod();
  pod.annotations[kTraceAnnotation] = "false";
  EXPECT_FALSE(PodSelector({}).Selects(&pod, ""));
  pod.annotations[kTraceAnnotation] = "true";
  EXPECT_TRUE(PodSelector({}).Selects(&pod, ""));
}

}  // namespace
}  // namespace tracelet::kubernetes
