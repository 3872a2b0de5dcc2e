#include "agent/cli/session.h"

#include <gtest/gtest.h>

#include <thread>

namespace tracelet::cli {
namespace {

using std::chrono::milliseconds;

class NoSink : public source::EventSink {
 public:
  void OnClock(const source::ClockPair&) override {}
  void OnProcess(const process::ProcessInfo&) override {}
  void OnEvent(const event_header&) override {}
  void OnWatermark(uint64_t) override { ++watermarks; }
  int watermarks = 0;
};

// Has something for ever, and three polls' worth after it was stopped.
class EndlessSource : public source::EventSource {
 public:
  Result<bool> Poll(source::EventSink& sink, milliseconds) override {
    if (++polls == fails_at) return Error{"the kernel is gone"};
    sink.OnWatermark(0);
    return !stopped || left-- > 0;
  }
  void Ignore(const conn_id&, bool) override {}
  void Stop() override {
    stopped = true;
    ++stops;
  }
  [[nodiscard]] source::KernelLedger Ledger() const override { return {}; }

  int polls = 0;
  int fails_at = 0;
  int stops = 0;
  int left = 3;
  bool stopped = false;
};

TEST(Pump, StopsOnceAndDrains) {
  EndlessSource source;
  NoSink sink;
  ASSERT_TRUE(Pump(source, sink, [&] { return source.polls >= 5; }));
  EXPECT_EQ(source.stops, 1);
  EXPECT_EQ(sink.watermarks, 5 + 4);
}

TEST(Pump, AnErrorEndsIt) {
  EndlessSource source;
  source.fails_at = 2;
  NoSink sink;
  const Status pumped = Pump(source, sink, [] { return false; });
  ASSERT_FALSE(pumped);
  EXPECT_EQ(pumped.error().message, "the kernel is gone");
}

TEST(Ending, WithoutAReasonNever) { EXPECT_FALSE(Ending(std::nullopt, nullptr).Reached(false)); }
TEST(Ending, WhenNobodyReads) { EXPECT_TRUE(Ending(std::nullopt, nullptr).Reached(true)); }

TEST(Ending, AfterTheDuration) {
  Ending ending(milliseconds(30), nullptr);
  EXPECT_FALSE(ending.Reached(false));
  std::this_thread::sleep_for(milliseconds(40));
  EXPECT_TRUE(ending.Reached(false));
}

TEST(Ending, ABitAfterTheProgram) {
  auto program = Program::Fork({"true"});
  ASSERT_TRUE(program);
  Ending ending(std::nullopt, &*program);
  EXPECT_FALSE(ending.Reached(false));
  ASSERT_TRUE(program->Release());
  while (!program->Ended()) std::this_thread::sleep_for(milliseconds(5));
  EXPECT_FALSE(ending.Reached(false));
  std::this_thread::sleep_for(Ending::kProgramGrace);
  EXPECT_TRUE(ending.Reached(false));
}

}  // namespace
}  // namespace tracelet::cli
