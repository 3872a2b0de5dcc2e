#include "agent/source/conn_sweep.h"

#include <gtest/gtest.h>

namespace tracelet::source {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

conn_state State(uint32_t status, uint64_t next = 0) {
  conn_state state{};
  state.status = status;
  state.direction[DIRECTION_RX].next = next;
  return state;
}

conn_state Dying(uint64_t next = 0) {
  conn_state state = State(CONN_ANNOUNCED, next);
  state.closing = CONN_DYING;
  return state;
}

TEST(ConnSweep, DyingEntriesGoWhenTheyStayedUnchanged) {
  ConnSweep sweep;
  constexpr uint64_t key = 1;
  EXPECT_FALSE(sweep.Expired(key, Dying(), 100 * kSecond, false));
  sweep.EndPass();
  EXPECT_FALSE(sweep.Expired(key, Dying(), 109 * kSecond, false));
  sweep.EndPass();
  EXPECT_TRUE(sweep.Expired(key, Dying(), 110 * kSecond, false));
}

TEST(ConnSweep, ReadingOnOrReusingTheAddressStartsAgain) {
  ConnSweep sweep;
  constexpr uint64_t key = 1;
  EXPECT_FALSE(sweep.Expired(key, Dying(1), 100 * kSecond, false));
  sweep.EndPass();
  EXPECT_FALSE(sweep.Expired(key, Dying(2), 111 * kSecond, false));
  sweep.EndPass();
  conn_state reused = Dying(2);
  reused.id.tx_base = 7;
  EXPECT_FALSE(sweep.Expired(key, reused, 122 * kSecond, false));
  sweep.EndPass();
  EXPECT_FALSE(sweep.Expired(key, State(0, 2), 130 * kSecond, false));
  sweep.EndPass();  // alive in between: forgotten
  EXPECT_FALSE(sweep.Expired(key, reused, 140 * kSecond, false));
}

TEST(ConnSweep, LiveTcpEntriesStayEvenInACrowdedTable) {
  ConnSweep sweep;
  for (uint64_t now = 0; now < 1'000 * kSecond; now += 10 * kSecond) {
    EXPECT_FALSE(sweep.Expired(1, State(CONN_ANNOUNCED), now, true));
    sweep.EndPass();
  }
}

TEST(ConnSweep, IdleUnixEntriesGoOnlyFromACrowdedTable) {
  ConnSweep sweep;
  constexpr uint64_t key = 77, another = 78;
  for (uint64_t now = 0; now < 200 * kSecond; now += 10 * kSecond) {
    EXPECT_FALSE(sweep.Expired(key, State(CONN_UNIX), now, false));
    sweep.EndPass();
  }
  for (uint64_t now = 200 * kSecond; now < 260 * kSecond; now += 10 * kSecond) {
    EXPECT_FALSE(sweep.Expired(key, State(CONN_UNIX), now, true));
    EXPECT_FALSE(sweep.Expired(another, State(CONN_UNIX, now), now, true)) << "busy, must not disturb the other";
    sweep.EndPass();
  }
  EXPECT_TRUE(sweep.Expired(key, State(CONN_UNIX), 260 * kSecond, true));
}

}  // namespace
}  // namespace tracelet::source
