#include "agent/span/trace_node.h"

#include <gtest/gtest.h>

namespace tracelet::span {
namespace {

std::shared_ptr<TraceNode> Node(uint64_t id) { return std::make_shared<TraceNode>(SpanId{id}, TraceId{1, id}, false); }

TEST(TraceNode, TheCallersSamplingFlagIsTheWholeTraces) {
  auto root = Node(1);
  auto server = std::make_shared<TraceNode>(SpanId{2}, TraceId{9, 9}, true);
  auto call = Node(3);
  EXPECT_EQ(root->Sampled(), std::nullopt);
  server->SetSampled(false);
  ASSERT_TRUE(call->Attach(server));
  EXPECT_EQ(call->Sampled(), false);
  ASSERT_TRUE(server->Attach(root));
  EXPECT_EQ(root->Sampled(), false);
  server->Detach();
  EXPECT_EQ(call->Sampled(), false);
}

}  // namespace
}  // namespace tracelet::span
