// Captures what a stage does, and shows it as connections with their streams.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/source/bpf_source.h"
#include "tests/bpf/stage.h"

namespace tracelet::testing {

// One DATA event, with its bytes.
struct Data {
  uint64_t time_ns;
  uint64_t offset;
  uint32_t length;
  std::string bytes;
  uint16_t flags;
  int error;
  uint32_t waits;
  uint32_t tgid;
  uint32_t tid;
  int64_t record;
};

// All that was said of one end of a connection.
struct End {
  conn_id id{};
  event_open open{};
  std::vector<Data> sent;
  std::vector<Data> received;
  std::vector<event_close> closes;

  // Bytes that follow each other without a hole from the first event on; "?" for those not captured.
  static std::string Stream(const std::vector<Data>& events);
  static uint64_t Length(const std::vector<Data>& events);
};

class Events : public source::EventSink {
 public:
  void OnClock(const source::ClockPair&) override {}
  void OnProcess(const process::ProcessInfo& info) override { processes.push_back(info); }
  void OnEvent(const event_header& event) override;
  void OnWatermark(uint64_t monotonic_ns) override;

  // The ends of that role in order of their OPEN events.
  [[nodiscard]] std::vector<const End*> Ends(conn_role role) const;

  std::vector<std::unique_ptr<End>> ends;
  std::vector<process::ProcessInfo> processes;
  std::vector<event_header> headers;  // of every event, in order
  uint64_t watermark_ns = 0;

 private:
  End& EndOf(const conn_id& id);
};

class CaptureTest : public ::testing::Test {
 protected:
  void SetUp() override;

  // Runs `traffic` in a stage while it and what it starts is captured, until all
  // events are here; `before` runs in the stage before capture begins.
  void Capture(
      Stage::Act traffic, Stage::Act before = [] {});
  // The same with this selector instead of the stage's process tree.
  void CaptureSelected(
      const std::function<config::Selector(pid_t stage)>& select, Stage::Act traffic, Stage::Act before = [] {});
  // The only client's and the only server's end. Never null: the test ends if they are not there.
  const End& client();
  const End& server();

  config::Source settings_;
  Events events_;
  source::KernelLedger ledger_;
  uint64_t late_ = 0;
};

}  // namespace tracelet::testing
