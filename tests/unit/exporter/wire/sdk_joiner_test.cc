#include "exporter/wire/sdk_joiner.h"

#include <gtest/gtest.h>

#include <set>

#include "exporter/wire/api_v2.h"
#include "exporter/wire/ingest_encoder.h"

namespace tracelet::exporter::wire {
namespace {

struct Sink : span::IngestSink {
  void OnIngested(std::shared_ptr<const span::IngestedBatch> batch) override { batches.push_back(std::move(batch)); }
  std::vector<std::shared_ptr<const span::IngestedBatch>> batches;
};

ingest::Span Server(std::string_view name) {
  ingest::Span span;
  span.operation_name = name;
  span.span_id = {7};
  span.trace_id = {1, 2};
  span.start_us = 5;
  span.tags = {{.key = "span.kind", .text = "server"},
               {.key = "http.method", .text = "GET"},
               {.key = "net.peer.ip", .text = "10.0.0.1"},
               {.key = "net.peer.port", .text = "4000"}};
  return span;
}

TEST(SdkJoiner, TellsServersAndClientsSpansOfKnownSenders) {
  Sink sink;
  SdkJoiner joiner({}, {&sink});
  IngestEncoder encoder({}, {&sink});
  encoder.Join(joiner);
  ingest::Batch batch;
  batch.spans = {{}, Server("a")};
  encoder.OnBatch(batch);
  EXPECT_EQ(sink.batches.size(), 1U);  // nobody knows who sent it
  batch.sender_pid = 17;
  encoder.OnBatch(batch);
  EXPECT_EQ(sink.batches.size(), 1U);
  auto taken = joiner.TakeSdkBatches();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0]->pid(), 17U);
  ASSERT_EQ(taken[0]->spans().size(), 1U);
  const span::SdkSpan& sdk = taken[0]->spans()[0];
  EXPECT_EQ(sdk.index, 1U);
  EXPECT_EQ(sdk.kind, span::Kind::kServer);
  EXPECT_EQ(sdk.start_unix_ns, 5'000U);
  EXPECT_EQ(sdk.method, "GET");
  EXPECT_EQ(sdk.peer_address, "10.0.0.1");
  EXPECT_EQ(sdk.peer_port, 4'000);
  taken.clear();  // whoever loses it passes it on
  EXPECT_EQ(sink.batches.size(), 2U);
}

TEST(SdkJoiner, AddsToTheSpansItIsTold) {
  ingest::Batch batch;
  batch.spans = {Server("a"), Server(std::string(300, 'b')), Server("c")};
  std::string long_name(300, 'b');
  batch.spans[1].operation_name = long_name;
  const std::string spans = Encode(batch, "").spans;
  EXPECT_EQ(Amend(spans, {}), spans);
  span::SdkJoin join{.index = 1, .trace_id = {1, 2}, .parent_id = {9}};
  join.attributes = {{"tracelet.link", std::string("sdk")}, {"size", int64_t{5}}, {"real", 0.5}, {"yes", true}};
  auto process = std::make_shared<process::ProcessInfo>();
  process->pod_attributes = {"k8s.pod.name=shop-1", "k8s.pod.label.a=b=c"};
  join.process = process;
  const std::string amended = Amend(spans, {join});
  // The same as if the span had been sent so, but for the order of its fields.
  batch.spans[1].references.push_back({.type = 0, .trace_id = {1, 2}, .span_id = {9}});
  batch.spans[1].tags.push_back({.key = "tracelet.link", .text = "sdk"});
  batch.spans[1].tags.push_back({.key = "size", .type = ingest::ValueType::kInt64, .number = 5});
  batch.spans[1].tags.push_back({.key = "real", .type = ingest::ValueType::kFloat64, .real = 0.5});
  batch.spans[1].tags.push_back({.key = "yes", .type = ingest::ValueType::kBool, .number = 1});
  batch.spans[1].tags.push_back({.key = "k8s.pod.name", .text = "shop-1"});
  batch.spans[1].tags.push_back({.key = "k8s.pod.label.a", .text = "b=c"});
  std::string expected = Encode(batch, "").spans;
  EXPECT_EQ(amended.size(), expected.size());
  EXPECT_EQ(std::multiset<char>(amended.begin(), amended.end()), std::multiset<char>(expected.begin(), expected.end()));
}

TEST(SdkJoiner, WaitsALittleForTheSenderOfASocketThatIsGone) {
  Sink sink;
  SdkJoiner joiner({}, {&sink});
  uint32_t sender = 0;
  joiner.Ask([&](uint64_t netns, uint16_t port, uint64_t received_ns) {
    return netns == 5 && port == 4'711 && received_ns == 99 ? sender : 0;
  });
  ingest::Batch batch;
  batch.sender_port = 4'711;
  batch.sender_netns = 5;
  batch.received_ns = 99;
  batch.spans = {Server("a")};
  const auto encoded = std::make_shared<const span::IngestedBatch>(Encode(batch, ""));
  EXPECT_TRUE(joiner.Offer(batch, encoded));
  EXPECT_TRUE(joiner.TakeSdkBatches().empty());
  sender = 17;
  auto taken = joiner.TakeSdkBatches();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0]->pid(), 17U);
  sender = 0;
  EXPECT_TRUE(joiner.Offer(batch, encoded));
  for (int ask = 0; ask < SdkJoiner::kAsks; ++ask) {
    EXPECT_TRUE(sink.batches.empty());
    EXPECT_TRUE(joiner.TakeSdkBatches().empty());
  }
  EXPECT_EQ(sink.batches.size(), 1U);
}

TEST(SdkJoiner, SaysWhosePodASpanIsOf) {
  Sink sink;
  SdkJoiner joiner({}, {&sink});
  joiner.Name([](const auto& process) {
    auto named = std::make_shared<process::ProcessInfo>(*process);
    named->pod_attributes = {"k8s.pod.name=shop-1"};
    return named;
  });
  ingest::Batch batch;
  batch.sender_pid = 17;
  batch.spans = {Server("a")};
  EXPECT_TRUE(joiner.Offer(batch, std::make_shared<const span::IngestedBatch>(Encode(batch, ""))));
  auto taken = joiner.TakeSdkBatches();
  ASSERT_EQ(taken.size(), 1U);
  taken[0]->Release({{.index = 0, .process = std::make_shared<const process::ProcessInfo>()}});
  ASSERT_EQ(sink.batches.size(), 1U);
  EXPECT_NE(sink.batches[0]->spans.find("shop-1"), std::string::npos);
}

TEST(SdkJoiner, WhatDoesNotFitAndWhatComesLatePassesAtOnce) {
  Sink sink;
  SdkJoiner joiner({.max_batches = 1}, {&sink});
  ingest::Batch batch;
  batch.sender_pid = 17;
  batch.spans = {Server("a")};
  const auto encoded = std::make_shared<const span::IngestedBatch>(Encode(batch, ""));
  EXPECT_TRUE(joiner.Offer(batch, encoded));
  EXPECT_FALSE(joiner.Offer(batch, encoded));
  joiner.Close();
  EXPECT_EQ(sink.batches.size(), 1U);
  EXPECT_FALSE(joiner.Offer(batch, encoded));
}

}  // namespace
}  // namespace tracelet::exporter::wire
