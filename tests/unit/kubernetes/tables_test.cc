#include <gtest/gtest.h>

#include "agent/kubernetes/peer_table.h"
#include "agent/kubernetes/pod_table.h"

namespace tracelet::kubernetes {
namespace {

using std::chrono::seconds;
const PodTable::Clock::time_point kStart{seconds(1'000)};

Pod MakePod(const std::string& uid, const std::string& container = "") {
  Pod pod;
  pod.uid = uid;
  pod.name = "pod-" + uid;
  pod.containers.push_back({"web", "image", container});
  pod.long_running = 1;
  return pod;
}

TEST(PodTable, APodIsFoundByItsUidBeforeItsContainersAreKnown) {
  PodTable table(16);
  table.Put(MakePod("a"), kStart);
  const uint64_t before = table.version();
  ASSERT_NE(table.Find("a", "c1"), nullptr);
  EXPECT_EQ(ContainerOf(*table.Find("a", "c1"), "c1")->name, "web");
  EXPECT_EQ(table.Find("", "c1"), nullptr);
  table.Put(MakePod("a", "c1"), kStart);
  EXPECT_NE(table.version(), before);
  ASSERT_NE(table.Find("", "c1"), nullptr);
  table.Put(MakePod("a", "c2"), kStart);
  EXPECT_EQ(table.Find("", "c1"), nullptr) << "the container was replaced";
}

TEST(PodTable, OneThatIsGoneIsKnownForAMinute) {
  PodTable table(16);
  table.Put(MakePod("a", "c1"), kStart);
  table.Remove("a", kStart);
  table.Put(MakePod("b"), kStart + PodTable::kKeepGone - seconds(1));
  EXPECT_NE(table.Find("a", ""), nullptr);
  table.Put(MakePod("b"), kStart + PodTable::kKeepGone);
  EXPECT_EQ(table.Find("a", ""), nullptr);
  EXPECT_EQ(table.Find("", "c1"), nullptr);
  EXPECT_EQ(table.size(), 1u);
}

TEST(PodTable, WhatAListLacksIsGone) {
  PodTable table(16);
  table.BeginList();
  table.Put(MakePod("a"), kStart);
  table.Put(MakePod("b"), kStart);
  table.EndList(kStart);
  table.BeginList();
  table.Put(MakePod("b"), kStart);
  table.EndList(kStart);
  table.EndList(kStart + PodTable::kKeepGone);
  EXPECT_EQ(table.Find("a", ""), nullptr);
  EXPECT_NE(table.Find("b", ""), nullptr);
}

TEST(PodTable, IsBoundedAndCountsWhatDoesNotFit) {
  PodTable table(2);
  for (const char* uid : {"a", "b", "c", "a"}) table.Put(MakePod(uid), kStart);
  EXPECT_EQ(table.size(), 2u);
  EXPECT_EQ(table.refused(), 1u);
}

Peer PodPeer(const std::string& pod, const std::string& service = "") { return {"shop", pod, service, "node"}; }

TEST(PeerTable, AnAddressThatChangesHandsNamesNobodyBefore) {
  PeerTable table(16);
  table.Put("pods/a", {{"10.0.0.1", PodPeer("a")}}, 100);
  EXPECT_EQ(table.Find("10.0.0.1", 50)->pod, "a") << "nobody had it before, as far as is known";
  table.Put("pods/a", {}, 200);
  EXPECT_FALSE(table.Find("10.0.0.1", 150).has_value());
  table.Put("pods/b", {{"10.0.0.1", PodPeer("b")}}, 300);
  EXPECT_FALSE(table.Find("10.0.0.1", 299).has_value());
  EXPECT_EQ(table.Find("10.0.0.1", 300)->pod, "b");
}

TEST(PeerTable, TwoWhoClaimAnAddressAreNoName) {
  PeerTable table(16);
  table.Put("endpointslices/shop/x", {{"10.0.0.1|80", PodPeer("a", "x")}}, 1);
  table.Put("endpointslices/shop/y", {{"10.0.0.1|80", PodPeer("a", "y")}}, 1);
  EXPECT_EQ(table.Find("10.0.0.1|80", 5), PodPeer("a")) << "one pod behind two Services";
  table.Put("endpointslices/shop/z", {{"10.0.0.1|80", PodPeer("b", "z")}}, 1);
  EXPECT_FALSE(table.Find("10.0.0.1|80", 5).has_value());
  table.Put("endpointslices/shop/z", {}, 6);
  table.Put("endpointslices/shop/y", {}, 6);
  EXPECT_EQ(table.Find("10.0.0.1|80", 7), PodPeer("a", "x"));
}

TEST(PeerTable, WhatAListLacksIsGoneOfThatKindOnly) {
  PeerTable table(16);
  table.Put("services/shop/x", {{"10.9.0.1|80", PodPeer("", "x")}}, 1);
  table.Put("pods/a", {{"10.0.0.1", PodPeer("a")}}, 1);
  table.BeginList("services");
  table.EndList("services");
  EXPECT_FALSE(table.Find("10.9.0.1|80", 5).has_value());
  EXPECT_TRUE(table.Find("10.0.0.1", 5).has_value());
}

TEST(PeerTable, IsBoundedOverAnyNumberOfChanges) {
  PeerTable table(16);
  for (int i = 0; i < 1'000; ++i) {
    const std::string owner = "pods/" + std::to_string(i);
    table.Put(owner, {{"10.0.0." + std::to_string(i), PodPeer(owner)}}, 1);
    ASSERT_LE(table.size(), 16u);
    table.Put(owner, {}, 1);
  }
  EXPECT_EQ(table.refused(), 0u) << "addresses that nobody has any more make room";
  for (int i = 0; i < 20; ++i)
    table.Put("pods/" + std::to_string(i), {{"10.1.0." + std::to_string(i), PodPeer("p")}}, 1);
  EXPECT_LE(table.size(), 16u);
  EXPECT_GE(table.refused(), 4u);
}

}  // namespace
}  // namespace tracelet::kubernetes
