#include "agent/span/telling_memory.h"

#include <gtest/gtest.h>

namespace tracelet::span {
namespace {

MessageName Call(uint32_t number) { return {.client_base = number, .server_base = 9, .offset = 0}; }
PeerAnswer Trace(uint64_t id) { return {.kind = PeerAnswer::Kind::kFinal, .trace_id = {id, id}}; }

TEST(TellingMemoryTest, TheOldestGoesFirst) {
  TellingMemory memory(2);
  for (uint32_t call = 1; call <= 3; ++call) memory.Remember(Call(call), Trace(call));
  EXPECT_EQ(memory.Find(Call(1)), nullptr);
  EXPECT_NE(memory.Find(Call(2)), nullptr);
  EXPECT_NE(memory.Find(Call(3)), nullptr);
}

TEST(TellingMemoryTest, WhatIsRememberedTwiceTakesOnePlace) {
  TellingMemory memory(2);
  memory.Remember(Call(1), Trace(1));
  for (int again = 0; again < 5; ++again) memory.Remember(Call(2), Trace(7));
  ASSERT_NE(memory.Find(Call(1)), nullptr);
  ASSERT_NE(memory.Find(Call(2)), nullptr);
  EXPECT_EQ(memory.Find(Call(2))->trace_id.high, 7U);
}

}  // namespace
}  // namespace tracelet::span
