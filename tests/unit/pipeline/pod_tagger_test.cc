#include "agent/pipeline/pod_tagger.h"

#include <gtest/gtest.h>

#include "agent/kubernetes/objects.h"
#include "agent/pipeline/resource_tagger.h"
#include "agent/span/attributes.h"
#include "tests/unit/exporter/spans.h"

namespace tracelet::pipeline {
namespace {

using kubernetes::Pod;

class Last : public span::SpanSink {
 public:
  void OnSpan(std::shared_ptr<const span::Span> given) override { span = std::move(given); }
  void OnWatermark(uint64_t /*unix_ns*/) override {}
  std::shared_ptr<const span::Span> span;
};

Pod FrontPod() {
  Pod pod;
  pod.uid = "u1";
  pod.namespace_name = "shop";
  pod.name = "front-1-abc";
  pod.owner_kind = "Deployment";
  pod.owner_name = "front";
  pod.labels["team"] = "blue";
  pod.containers.push_back({"web", "shop:1", ""});
  pod.long_running = 1;
  return pod;
}

class PodTaggerTest : public testing::Test {
 protected:
  PodTaggerTest() {
    process_->key = {7, 1};
    process_->service_name = "server.js";
    process_->pod_uid = "u1";
    config_.kubernetes.labels = {"team"};
  }

  PodTagger& tagger() {
    if (!tagger_) tagger_.emplace(config_, PodSources{pods_, peers_, [this] { return stale_; }, "node-1"}, last_);
    return *tagger_;
  }

  // What became of one span of the process: null if it was left out.
  std::shared_ptr<const span::Span> Tag(span::Kind kind = span::Kind::kServer, const std::string& peer = "",
                                        int64_t port = 0) {
    auto span = std::make_shared<span::Span>();
    span->kind = kind;
    span->start_unix_ns = 1'000;
    span->process = process_;
    if (!peer.empty()) {
      span->attributes.push_back({span::attributes::kNetworkPeerAddress, peer});
      span->attributes.push_back({span::attributes::kNetworkPeerPort, port});
    }
    last_.span.reset();
    tagger().OnSpan(std::move(span));
    return last_.span;
  }

  static std::string Resource(const span::Span& span, std::string_view key) {
    for (const auto& attribute : ResourceTagger({}, "host").Attributes(*span.process)) {
      if (attribute.key == key) return std::get<std::string>(attribute.value);
    }
    return "";
  }
  static std::string Text(const span::Span& span, std::string_view key) {
    for (const auto& attribute : span.attributes) {
      if (attribute.key == key) return std::get<std::string>(attribute.value);
    }
    return "";
  }

  config::Config config_;
  kubernetes::PodTable pods_{16};
  kubernetes::PeerTable peers_{16};
  bool stale_ = false;
  Last last_;
  std::optional<PodTagger> tagger_;
  std::shared_ptr<process::ProcessInfo> process_ = std::make_shared<process::ProcessInfo>();
};

TEST_F(PodTaggerTest, SaysWhosePodItIs) {
  pods_.Put(FrontPod(), {});
  const auto span = Tag();
  EXPECT_EQ(Resource(*span, "k8s.namespace.name"), "shop");
  EXPECT_EQ(Resource(*span, "k8s.pod.name"), "front-1-abc");
  EXPECT_EQ(Resource(*span, "k8s.pod.uid"), "u1");
  EXPECT_EQ(Resource(*span, "k8s.deployment.name"), "front");
  EXPECT_EQ(Resource(*span, "k8s.container.name"), "web");
  EXPECT_EQ(Resource(*span, "k8s.node.name"), "node-1");
  EXPECT_EQ(Resource(*span, "k8s.pod.label.team"), "blue");
  EXPECT_EQ(Resource(*span, "tracelet.kubernetes"), "");
  EXPECT_EQ(span->process->service_name, "front");
  EXPECT_EQ(Tag()->process, span->process) << "made once";
}

TEST_F(PodTaggerTest, NamesTheServiceByTheFirstRuleThatSaysSomething) {
  Pod pod = FrontPod();
  process_->name_stated = true;
  pods_.Put(pod, {});
  EXPECT_EQ(Tag()->process->service_name, "server.js") << "the process's own word";
  pod.annotations[kubernetes::kServiceNameAnnotation] = "chosen";
  pods_.Put(pod, {});
  EXPECT_EQ(Tag()->process->service_name, "chosen");
  pod.annotations.clear();
  process_ = std::make_shared<process::ProcessInfo>(*process_);
  process_->name_stated = false;
  pod.labels[kubernetes::kNameLabel] = "storefront";
  pods_.Put(pod, {});
  EXPECT_EQ(Tag()->process->service_name, "storefront");
  pod.labels.clear();
  pod.owner_kind = "Job";
  pod.owner_name = "nightly-28934401";
  pods_.Put(pod, {});
  EXPECT_EQ(Tag()->process->service_name, "nightly");
  pod.owner_kind = "Node";
  pods_.Put(pod, {});
  EXPECT_EQ(Tag()->process->service_name, "server.js");
}

TEST_F(PodTaggerTest, WithoutTheApiServerItSaysSoAndHeals) {
  auto span = Tag();
  EXPECT_EQ(Resource(*span, "tracelet.kubernetes"), "absent");
  EXPECT_EQ(Resource(*span, "k8s.pod.uid"), "u1");
  EXPECT_EQ(span->process->service_name, "server.js");
  pods_.Put(FrontPod(), {});
  EXPECT_EQ(Resource(*Tag(), "k8s.pod.name"), "front-1-abc");
  EXPECT_EQ(Resource(*Tag(), "tracelet.kubernetes"), "");
  stale_ = true;
  span = Tag();
  EXPECT_EQ(Resource(*span, "tracelet.kubernetes"), "stale");
  EXPECT_EQ(Resource(*span, "k8s.pod.name"), "front-1-abc");
  stale_ = false;
  EXPECT_EQ(Resource(*Tag(), "tracelet.kubernetes"), "");
}

TEST_F(PodTaggerTest, AProcessInNoPodHasItsNode) {
  process_->pod_uid.clear();
  const auto span = Tag();
  EXPECT_EQ(Resource(*span, "k8s.node.name"), "node-1");
  EXPECT_EQ(Resource(*span, "tracelet.kubernetes"), "");
  EXPECT_EQ(span->process->service_name, "server.js");
}

TEST_F(PodTaggerTest, LeavesOutPodsThatAreNotSelectedAlsoWhenThatIsKnownLate) {
  config_.selector.not_namespaces = {"shop"};
  EXPECT_TRUE(tagger().Wanted(*process_)) << "nothing is known of it yet";
  pods_.Put(FrontPod(), {});
  EXPECT_FALSE(tagger().Wanted(*process_));
  EXPECT_EQ(Tag(), nullptr);
  EXPECT_EQ(tagger().not_selected(), 1u);
}

TEST_F(PodTaggerTest, NamesTheOtherEnd) {
  peers_.Put("services/shop/stock", {{kubernetes::Endpoint("10.96.0.7", 80), {"shop", "", "stock", ""}}}, 1);
  peers_.Put("endpointslices/shop/stock",
             {{kubernetes::Endpoint("10.88.1.3", 8080), {"shop", "stock-1", "stock", "node-2"}}}, 1);
  auto span = Tag(span::Kind::kClient, "10.96.0.7", 80);
  EXPECT_EQ(Text(*span, "peer.service"), "stock");
  EXPECT_EQ(Text(*span, "tracelet.peer.k8s.namespace.name"), "shop");
  span = Tag(span::Kind::kClient, "10.88.1.3", 8080);
  EXPECT_EQ(Text(*span, "tracelet.peer.k8s.pod.name"), "stock-1");
  EXPECT_EQ(Text(*span, "tracelet.peer.k8s.node.name"), "node-2");
  EXPECT_EQ(Text(*Tag(span::Kind::kClient, "10.88.1.3", 9090), "tracelet.peer.k8s.pod.name"), "")
      << "another port may be somebody else's";
  EXPECT_EQ(Text(*Tag(span::Kind::kServer, "10.88.1.3", 8080), "tracelet.peer.k8s.pod.name"), "")
      << "a client's port says nothing";
  peers_.Put("pods/u9", {{"10.88.0.9", {"shop", "load-1", "", "node-1"}}}, 1);
  EXPECT_EQ(Text(*Tag(span::Kind::kServer, "10.88.0.9", 40'000), "tracelet.peer.k8s.pod.name"), "load-1");
}

TEST_F(PodTaggerTest, ASpanThatOthersHoldIsNotChanged) {
  pods_.Put(FrontPod(), {});
  auto span = std::make_shared<span::Span>();
  span->process = process_;
  tagger().OnSpan(span);
  EXPECT_EQ(span->process, process_);
  EXPECT_NE(last_.span, span);
  EXPECT_EQ(last_.span->process->service_name, "front");
}

}  // namespace
}  // namespace tracelet::pipeline
