#include "agent/protocol/grpc/rpc.h"

#include <gtest/gtest.h>

#include "agent/protocol/grpc/message_counter.h"
#include "tests/support/http2_frames.h"

namespace tracelet::protocol::grpc {
namespace {

TEST(Rpc, KnowsItsContentTypes) {
  EXPECT_EQ(SystemOf("application/grpc"), System::kGrpc);
  EXPECT_EQ(SystemOf("application/grpc+proto"), System::kGrpc);
  EXPECT_EQ(SystemOf("application/grpc;charset=x"), System::kGrpc);
  EXPECT_EQ(SystemOf("application/grpc-web-text"), System::kGrpcWeb);
  EXPECT_EQ(SystemOf("application/connect+json"), System::kConnect);
  EXPECT_FALSE(SystemOf("application/grpcx"));
  EXPECT_FALSE(SystemOf("application/json"));
}

TEST(Rpc, SplitsThePath) {
  EXPECT_EQ(ParseProcedure("/shop.v1.Orders/Get")->service, "shop.v1.Orders");
  EXPECT_EQ(ParseProcedure("/shop.v1.Orders/Get?x=secret")->method, "Get");
  for (const char* path : {"", "/", "/Get", "//Get", "/shop.Orders/", "shop/Get"}) EXPECT_FALSE(ParseProcedure(path));
}

TEST(Rpc, ReadsTimeoutsAndStatus) {
  EXPECT_EQ(ParseTimeout("1H"), 3'600'000'000'000U);
  EXPECT_EQ(ParseTimeout("99999999n"), 99'999'999U);
  EXPECT_EQ(ParseTimeout("20m"), 20'000'000U);
  for (const char* text : {"", "S", "1", "100000000S", "-1S", "1s"}) EXPECT_FALSE(ParseTimeout(text)) << text;
  EXPECT_EQ(ParseStatus("16"), 16);
  for (const char* text : {"", "x", "-1", "1000", "5 "}) EXPECT_FALSE(ParseStatus(text)) << text;
  EXPECT_EQ(StatusName(5), "NOT_FOUND");
  EXPECT_EQ(StatusName(99), "");
  EXPECT_EQ(StatusOfReset(8), kCancelled);
  EXPECT_EQ(StatusOfReset(7), 14);
  EXPECT_EQ(StatusOfReset(1), 13);
}

TEST(MessageCounter, CountsWhateverTheCuts) {
  const std::string stream = testing::GrpcMessage(0) + testing::GrpcMessage(7) + testing::GrpcMessage(300);
  for (size_t step = 1; step < 30; ++step) {
    MessageCounter counter;
    for (size_t at = 0; at < stream.size(); at += step)
      counter.OnBytes(std::string_view(stream).substr(at, step), at + 1);
    EXPECT_EQ(counter.messages().count, 3U);
    EXPECT_EQ(counter.messages().bytes, 307U);
    EXPECT_TRUE(counter.messages().exact);
    EXPECT_EQ(counter.messages().first.bytes, 0U);
    EXPECT_EQ(counter.messages().last.bytes, 300U);
  }
}

TEST(MessageCounter, StopsWhereAPrefixWasNotSeen) {
  const std::string one = testing::GrpcMessage(100);
  MessageCounter counter;
  counter.OnBytes(std::string_view(one).substr(0, 16), 1);
  counter.OnUnseen(one.size() - 16, 2);
  EXPECT_EQ(counter.messages().count, 1U);
  EXPECT_TRUE(counter.messages().exact);
  EXPECT_EQ(counter.messages().last.time_ns, 2U);
  counter.OnBytes(std::string_view(one).substr(0, 16), 3);
  counter.OnUnseen(one.size() - 15, 4);
  EXPECT_FALSE(counter.messages().exact);
  counter.OnBytes(one, 5);
  EXPECT_EQ(counter.messages().count, 1U);
}

}  // namespace
}  // namespace tracelet::protocol::grpc
