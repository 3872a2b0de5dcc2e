#include "agent/source/process_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace tracelet::source {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LogSink : public EventSink {
 public:
  void OnClock(const ClockPair&) override {}
  void OnProcess(const process::ProcessInfo& info) override {
    lines.push_back("process " + std::to_string(info.key.tgid) + " " + info.comm +
                    (info.loop_unsupported ? " unsupported" : ""));
  }
  void OnEvent(const event_header& event) override {
    lines.push_back("event " + std::to_string(event.kind) + " of " + std::to_string(event.tgid));
  }
  void OnWatermark(uint64_t) override {}
  std::vector<std::string> lines;
};

class ProcessGateTest : public ::testing::Test {
 protected:
  ProcessGate MakeGate(config::Selector settings = {}, size_t max_processes = 100) {
    auto selector = process::Selector::Make(settings);
    EXPECT_TRUE(selector.has_value());
    return ProcessGate(std::move(*selector), max_processes,
                       {[this](process::ProcessKey key, const event_exec* exec) {
                          process::ProcessInfo info;
                          info.key = key;
                          info.comm = exec == nullptr ? "-" : exec->comm;
                          info.exe = exe_;
                          ++reads_;
                          return info;
                        },
                        [this](process::ProcessInfo& info) { info.loop_unsupported = unsupported_; },
                        [this](uint32_t tgid, verdict judged) { judged_.emplace_back(tgid, judged); }});
  }
  static event_header Header(uint16_t kind, uint32_t tgid, size_t size, uint64_t start_ns) {
    event_header header{};
    header.kind = kind;
    header.tgid = tgid;
    header.tgid_start_ns = start_ns;
    header.size = static_cast<uint32_t>(size);
    return header;
  }
  void Data(ProcessGate& gate, uint32_t tgid, uint64_t start_ns = 1) {
    event_data event{};
    event.header = Header(EVENT_DATA, tgid, sizeof(event), start_ns);
    gate.OnEvent(event.header, sink_);
  }
  void Exec(ProcessGate& gate, uint32_t tgid, const char* comm) {
    event_exec event{};
    event.header = Header(EVENT_EXEC, tgid, sizeof(event), 1);
    event.header.time_ns = now_ns_;
    std::strcpy(event.comm, comm);
    gate.OnEvent(event.header, sink_);
  }
  void Open(ProcessGate& gate, uint32_t tgid, const char* comm) {
    event_open event{};
    event.header = Header(EVENT_OPEN, tgid, sizeof(event), 1);
    std::strcpy(event.comm, comm);
    gate.OnEvent(event.header, sink_);
  }
  void Exit(ProcessGate& gate, uint32_t tgid) {
    const event_header event = Header(EVENT_EXIT, tgid, sizeof(event), 1);
    gate.OnEvent(event, sink_);
  }

  LogSink sink_;
  std::string exe_ = "/usr/bin/app";
  bool unsupported_ = false;
  uint32_t reads_ = 0;
  uint64_t now_ns_ = 5'000'000'000;
  std::vector<std::pair<uint32_t, verdict>> judged_;
};

TEST_F(ProcessGateTest, IntroducesAProcessOnceBeforeItsFirstEvent) {
  ProcessGate gate = MakeGate();
  Open(gate, 5, "curl");
  Data(gate, 5);
  Data(gate, 6);
  EXPECT_THAT(sink_.lines,
              ElementsAre("process 5 curl", "event 2 of 5", "event 1 of 5", "process 6 -", "event 1 of 6"));
}

TEST_F(ProcessGateTest, AReusedPidIsAnotherProcess) {
  ProcessGate gate = MakeGate();
  Data(gate, 5, 1);
  Data(gate, 5, 2);
  EXPECT_THAT(sink_.lines, ElementsAre("process 5 -", "event 1 of 5", "process 5 -", "event 1 of 5"));
}

TEST_F(ProcessGateTest, ProcessesWithoutConnectionsCostFewLooksIntoProc) {
  ProcessGate gate = MakeGate();
  for (uint32_t tgid = 1; tgid < 5'000; ++tgid) {
    Exec(gate, tgid, "true");
    Exit(gate, tgid);
  }
  EXPECT_EQ(reads_, ProcessGate::kLooksPerSecond);
  now_ns_ += 1'000'000'000;
  Exec(gate, 6'000, "true");
  EXPECT_EQ(reads_, ProcessGate::kLooksPerSecond + 1);
  EXPECT_THAT(sink_.lines, IsEmpty());
  EXPECT_EQ(gate.without_connection(), 2U * 4'999 + 1);
}

TEST_F(ProcessGateTest, ExecIsLookedUpAtOnceAndRemembered) {
  ProcessGate gate = MakeGate();
  Exec(gate, 5, "curl");
  EXPECT_EQ(reads_, 1U);
  Data(gate, 5);
  EXPECT_EQ(reads_, 1U);
  EXPECT_THAT(sink_.lines, ElementsAre("process 5 curl", "event 1 of 5"));
}

TEST_F(ProcessGateTest, WhatIsKnownOfItsRuntimeIsAskedWhenItIsIntroduced) {
  ProcessGate gate = MakeGate();
  unsupported_ = true;  // its libraries are not mapped yet
  Exec(gate, 5, "python3");
  unsupported_ = false;
  Data(gate, 5);
  EXPECT_THAT(sink_.lines, ElementsAre("process 5 python3", "event 1 of 5"));
}

TEST_F(ProcessGateTest, ExecBeyondTheLooksStillNamesTheProcess) {
  ProcessGate gate = MakeGate();
  for (uint32_t tgid = 100; tgid < 100 + ProcessGate::kLooksPerSecond; ++tgid) Exec(gate, tgid, "true");
  Exec(gate, 5, "curl");
  EXPECT_EQ(reads_, ProcessGate::kLooksPerSecond);
  Data(gate, 5);
  EXPECT_THAT(sink_.lines, ElementsAre("process 5 curl", "event 1 of 5"));
}

TEST_F(ProcessGateTest, ExecAfterwardsIntroducesAgain) {
  ProcessGate gate = MakeGate();
  Data(gate, 5);
  Exec(gate, 5, "new");
  Exit(gate, 5);
  EXPECT_THAT(sink_.lines, ElementsAre("process 5 -", "event 1 of 5", "process 5 new", "event 4 of 5", "event 5 of 5"));
}

TEST_F(ProcessGateTest, EventsWithoutAProcessPass) {
  ProcessGate gate = MakeGate();
  Data(gate, 0);
  EXPECT_THAT(sink_.lines, ElementsAre("event 1 of 0"));
  EXPECT_EQ(reads_, 0U);
}

TEST_F(ProcessGateTest, UnselectedProcessesAreJudgedOnceDroppedAndCounted) {
  config::Selector settings;
  settings.exes = {"/opt/*"};
  ProcessGate gate = MakeGate(settings);
  Data(gate, 5);
  Data(gate, 5);
  Exit(gate, 5);
  EXPECT_THAT(sink_.lines, IsEmpty());
  EXPECT_EQ(gate.not_selected(), 3U);
  EXPECT_EQ(reads_, 1U);
  EXPECT_THAT(judged_, ElementsAre(std::pair(5U, VERDICT_IGNORE)));
}

TEST_F(ProcessGateTest, ExecIntoASelectedProgramIsTracedFromThere) {
  config::Selector settings;
  settings.exes = {"/opt/*"};
  ProcessGate gate = MakeGate(settings);
  Data(gate, 5);
  exe_ = "/opt/app";
  Exec(gate, 5, "app");
  Data(gate, 5);
  EXPECT_THAT(sink_.lines, ElementsAre("process 5 app", "event 4 of 5", "event 1 of 5"));
  EXPECT_THAT(judged_, ElementsAre(std::pair(5U, VERDICT_IGNORE), std::pair(5U, VERDICT_TRACE)));
  exe_ = "/usr/bin/app";
  Exec(gate, 5, "app");
  Data(gate, 5);
  EXPECT_EQ(sink_.lines.size(), 3U);
  EXPECT_EQ(gate.not_selected(), 3U);
}

TEST_F(ProcessGateTest, ForgetsAllWhenFullAndIntroducesAgain) {
  ProcessGate gate = MakeGate({}, 2);
  for (uint32_t tgid : {1U, 2U, 3U, 1U}) Data(gate, tgid);
  EXPECT_EQ(reads_, 4U);
  EXPECT_EQ(sink_.lines.size(), 8U);
}

}  // namespace
}  // namespace tracelet::source
