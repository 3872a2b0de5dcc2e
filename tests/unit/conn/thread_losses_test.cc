#include "agent/conn/thread_losses.h"

#include <gtest/gtest.h>

namespace tracelet::conn {
namespace {

event_data Event(uint32_t tid, uint32_t attempts) {
  event_data event{};
  event.header.tid = tid;
  event.header.thread_start = 7;
  event.attempts = attempts;
  return event;
}

TEST(ThreadLosses, SaysWhatIsKnownOfAnotherThreadsEvents) {
  ThreadLosses losses(10);
  const uint32_t lost = losses.Update(Event(1, 4));
  EXPECT_EQ(losses.Of(1, 7, 4), lost);
  EXPECT_EQ(losses.Of(1, 7, 3), lost);
  EXPECT_EQ(losses.Of(1, 7, 5), std::nullopt);  // its fifth was lost, or is to come
  EXPECT_EQ(losses.Of(1, 8, 4), std::nullopt);  // another thread had this tid
  EXPECT_EQ(losses.Of(2, 7, 4), std::nullopt);
  losses.Update(Event(1, 6));
  EXPECT_EQ(losses.Of(1, 7, 6), lost + 1);
}

}  // namespace
}  // namespace tracelet::conn
