// The capture thread goes before others on a busy host, and it alone.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <thread>

#include "agent/source/bpf_source.h"
#include "tests/bpf/stage.h"

namespace tracelet::testing {
namespace {

struct Nothing : source::EventSink {
  void OnClock(const source::ClockPair& /*pair*/) override {}
  void OnProcess(const process::ProcessInfo& /*info*/) override {}
  void OnEvent(const event_header& /*event*/) override {}
  void OnWatermark(uint64_t /*monotonic_ns*/) override {}
};

int Niceness() { return getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())); }

int NicenessWhileCapturing(uint32_t priority) {
  int niceness = 0;
  std::thread([&] {
    config::Source settings;
    settings.priority = priority;
    auto capture = source::BpfSource::Start(settings, {});
    Require(static_cast<bool>(capture), "no capture");
    Nothing nothing;
    Require(static_cast<bool>((*capture)->Poll(nothing, std::chrono::milliseconds(1))), "no events");
    niceness = Niceness();
  }).join();
  return niceness;
}

TEST(CapturePriority, IsOfTheThreadThatPolls) {
  const int own = Niceness();
  EXPECT_EQ(NicenessWhileCapturing(7), -7);
  EXPECT_EQ(Niceness(), own);
}

TEST(CapturePriority, CanBeLeftAsItIs) { EXPECT_EQ(NicenessWhileCapturing(0), Niceness()); }

}  // namespace
}  // namespace tracelet::testing
