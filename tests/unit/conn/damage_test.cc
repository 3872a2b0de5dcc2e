// What comes out of damaged events: fewer exchanges, or exchanges marked lost, but
// never the answer of one request given to another. Checked against the truth of
// random conversations that were cut, dropped and duplicated.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "agent/conn/conn_tracker.h"
#include "tests/support/conversation.h"

namespace tracelet::conn {
namespace {

using protocol::Outcome;
using testing::Conversation;
using testing::Event;

class Kept : public ConnectionSink {
 public:
  void OnRequest(const ConnectionInfo&, Direction, const protocol::Exchange&) override { ++requests; }
  void OnOpenEndedResponse(const ConnectionInfo&, const protocol::Exchange&) override {}
  void OnExchange(const ConnectionInfo&, Direction, protocol::Exchange&& exchange) override {
    exchanges.push_back(std::move(exchange));
  }
  size_t requests = 0;
  std::vector<protocol::Exchange> exchanges;
};

// Plays events in their order; the ledger must hold after each.
void Play(const std::vector<Event>& events, Kept& kept) {
  ConnTracker tracker(config::Config{}, kept, {});
  uint64_t consumed = 0;
  for (const Event& event : events) {
    tracker.OnEvent(event.header());
    ASSERT_EQ(tracker.ledger().used + tracker.ledger().ignored.Total(), ++consumed);
  }
  tracker.OnWatermark(events.back().header().time_ns + 10'000'000'000);
  tracker.Finish();
}

// Every exchange must be one of the conversation's, whole or in part, but unmixed.
void CheckAgainst(const Conversation& conversation, const Kept& kept) {
  std::vector<bool> seen(conversation.truth.size());
  for (const protocol::Exchange& exchange : kept.exchanges) {
    ASSERT_TRUE(exchange.target.starts_with("/")) << exchange.target;
    ASSERT_NE(exchange.target, "/trap");
    const size_t index = std::strtoul(exchange.target.c_str() + 1, nullptr, 10);
    ASSERT_LT(index, conversation.truth.size());
    SCOPED_TRACE("exchange " + std::to_string(index));
    EXPECT_FALSE(seen[index]);
    seen[index] = true;
    const testing::Truth& truth = conversation.truth[index];
    EXPECT_EQ(exchange.request.begin, truth.request_begin);
    if (exchange.request.complete && exchange.request.body_exact) {
      EXPECT_EQ(exchange.request.end, truth.request_end);
      EXPECT_EQ(exchange.request.body_bytes, truth.request_body);
    }
    if (exchange.status == 0) continue;
    EXPECT_EQ(exchange.status, 200 + static_cast<int>(index));
    EXPECT_EQ(exchange.response.begin, truth.response_begin);
    if (exchange.outcome == Outcome::kComplete && exchange.response.body_exact) {
      EXPECT_EQ(exchange.response.body_bytes, truth.response_body);
      EXPECT_EQ(exchange.response.end, truth.response_end);
    }
  }
}

// A piece of an event: what one lost record of several leaves of an operation.
Event Cut(const Event& event, uint32_t from, uint32_t size) {
  const auto& data = event.as<event_data>();
  const uint32_t captured = data.captured > from ? std::min(data.captured - from, size) : 0;
  Event piece(sizeof(event_data) + captured);
  auto& cut = piece.as<event_data>();
  const uint32_t total = cut.header.size;
  std::memcpy(&cut, &data, sizeof(event_data));
  cut.header.size = total;
  cut.offset += from;
  cut.length = size;
  cut.captured = captured;
  std::memcpy(cut.bytes, data.bytes + from, captured);
  return piece;
}

struct Damage {
  size_t drop_percent = 0;
  size_t duplicate_percent = 0;
  size_t cut_percent = 0;
};

std::vector<Event> Apply(const Damage& damage, const std::vector<Event>& events, std::mt19937& random) {
  const auto chance = [&](size_t percent) { return std::uniform_int_distribution<size_t>(0, 99)(random) < percent; };
  std::vector<Event> damaged = {events.front()};
  const auto keep = [&](const Event& event) {
    if (chance(damage.drop_percent)) return;
    damaged.push_back(event);
    if (chance(damage.duplicate_percent)) damaged.push_back(event);
  };
  for (auto event = events.begin() + 1; event != events.end(); ++event) {
    const uint32_t length = event->as<event_data>().length;
    if (length < 2 || !chance(damage.cut_percent)) {
      keep(*event);
      continue;
    }
    const uint32_t at = std::uniform_int_distribution<uint32_t>(1, length - 1)(random);
    keep(Cut(*event, 0, at));
    keep(Cut(*event, at, length - at));
  }
  return damaged;
}

struct Case {
  const char* name;
  testing::ConversationOptions options;
  Damage damage;
};

class Damaged : public ::testing::TestWithParam<Case> {};

TEST_P(Damaged, ExchangesAreNeverMixed) {
  constexpr unsigned kRounds = 400;
  const Damage& damage = GetParam().damage;
  const bool harmless =
      damage.drop_percent + damage.duplicate_percent == 0 && !GetParam().options.pipelining && !GetParam().options.skew;
  size_t truth = 0;
  size_t right = 0;
  for (unsigned seed = 0; seed < kRounds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    Conversation conversation;
    testing::ConversationOptions options = GetParam().options;
    options.server = seed % 2 == 0;
    options.capture_all = seed % 4 >= 2;
    MakeConversation(options, random, conversation);
    Kept kept;
    Play(Apply(GetParam().damage, conversation.scene.events, random), kept);
    CheckAgainst(conversation, kept);
    if (HasFailure()) return;
    const auto complete = std::count_if(kept.exchanges.begin(), kept.exchanges.end(),
                                        [](const auto& exchange) { return exchange.outcome == Outcome::kComplete; });
    if (options.capture_all && harmless) {
      EXPECT_EQ(complete, conversation.truth.size());
    }
    truth += conversation.truth.size();
    right += complete;
  }
  RecordProperty("right_percent", static_cast<int>(100 * right / truth));
  if (harmless) {
    EXPECT_GE(right * 1000, truth * 997);  // the kernel does not copy a head whose first piece is very short
  } else {
    EXPECT_GT(right, truth / 40);  // the parser does find its way back
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, Damaged,
    ::testing::Values(
        Case{"none", {}, {}}, Case{"cut", {}, {.cut_percent = 60}},
        Case{"pipelined", {.pipelining = true}, {.cut_percent = 20}}, Case{"skewed", {.skew = true}, {}},
        Case{"dropped", {}, {.drop_percent = 10, .cut_percent = 20}},
        Case{"dropped_more", {.exchanges = 40}, {.drop_percent = 40, .cut_percent = 20}},
        Case{"dropped_pipelined", {.pipelining = true}, {.drop_percent = 15, .cut_percent = 20}},
        Case{"duplicated", {}, {.duplicate_percent = 10}},
        Case{"everything", {.pipelining = true}, {.drop_percent = 5, .duplicate_percent = 5, .cut_percent = 30}}),
    [](const auto& one) { return std::string(one.param.name); });

// Whatever the end of the events is, what came before it is right.
TEST(Truncated, AtEveryEvent) {
  std::mt19937 random(1);
  Conversation conversation;
  MakeConversation({.exchanges = 20, .pipelining = true}, random, conversation);
  for (size_t count = 1; count <= conversation.scene.events.size(); ++count) {
    SCOPED_TRACE(count);
    Kept kept;
    const auto& events = conversation.scene.events;
    Play(std::vector<Event>(events.begin(), events.begin() + static_cast<std::ptrdiff_t>(count)), kept);
    CheckAgainst(conversation, kept);
    if (HasFailure()) return;
  }
}

// The same at every byte of every event.
TEST(Truncated, AtEveryByte) {
  std::mt19937 random(2);
  Conversation conversation;
  MakeConversation({.exchanges = 6, .capture_all = true}, random, conversation);
  const auto& events = conversation.scene.events;
  for (size_t last = 1; last < events.size(); ++last) {
    for (uint32_t size = 1; size < events[last].as<event_data>().length; ++size) {
      SCOPED_TRACE(std::to_string(last) + " to byte " + std::to_string(size));
      std::vector<Event> cut(events.begin(), events.begin() + static_cast<std::ptrdiff_t>(last));
      cut.push_back(Cut(events[last], 0, size));
      Kept kept;
      Play(cut, kept);
      CheckAgainst(conversation, kept);
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace tracelet::conn
