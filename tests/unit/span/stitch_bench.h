// Drives a Stitcher by hand: requests begin and end, time passes, spans come out.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/span/stitcher.h"
#include "tests/unit/span/handle_span.h"

namespace tracelet::span {

inline constexpr InstallationKey kKey = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

// A thread that was born under the agent's eyes and never waited in an event loop.
struct TestThread {
  uint32_t tid = 100;
  uint32_t waits = 0;
  bool born = true;
  uint32_t thread_start = 7;
  uint32_t lost = 0;
  process::ProcessKey process = {.tgid = 10, .start_ns = 99};
  bool waits_known = true;
};

inline config::Span Limits(size_t max_open, size_t max_held) {
  config::Span config;
  config.max_open = max_open;
  config.max_held = max_held;
  return config;
}

class StitchBench : public testing::Test, public SpanSink {
 protected:
  explicit StitchBench(config::Span config = {}) : stitcher_(config, kKey, *this) {}

  void OnSpan(std::shared_ptr<const Span> span) override {
    const auto handle = std::get<int64_t>(span->attributes.at(0).value);
    EXPECT_TRUE(spans_.emplace(handle, *span).second);
    order_.push_back(static_cast<uint64_t>(handle));
  }
  void OnWatermark(uint64_t unix_ns) override { passed_on_ns_ = unix_ns; }

  // Names that no other request has, so that only one rule is asked.
  RequestStart Start(Kind kind, const TestThread& thread) {
    RequestStart start;
    start.kind = kind;
    start.first.time_ns = ++now_ns_;
    start.first.process = thread.process;
    start.first.tid = thread.tid;
    start.first.thread_start = thread.thread_start;
    start.first.waits = thread.waits;
    start.first.waits_known = thread.waits_known;
    start.first.thread_born = thread.born;
    start.first.lost = thread.lost;
    start.first.blocking = true;
    start.connection = ++connections_;
    start.name = NewName();
    return start;
  }
  MessageName NewName() { return {.client_base = ++names_, .server_base = 77, .offset = 0}; }

  uint64_t Begin(RequestStart start) {
    starts_[++handles_] = start;
    stitcher_.OnRequestStart(handles_, std::move(start));
    return handles_;
  }
  uint64_t Serve(const TestThread& thread) { return Begin(Start(Kind::kServer, thread)); }
  uint64_t Call(const TestThread& thread) { return Begin(Start(Kind::kClient, thread)); }
  void End(uint64_t handle, Answerer by = Answerer::kReader, bool events_lost = false) {
    auto span = std::make_unique<HandleSpan>(handle);
    span->kind = starts_[handle].kind;
    span->events_lost = events_lost;
    span->answered_by = span->kind == Kind::kServer ? by : Answerer::kNobody;
    span->waited_for = span->kind == Kind::kClient && by == Answerer::kReader;
    span->start_unix_ns = kUnixOffset + starts_[handle].first.time_ns;
    span->end_unix_ns = kUnixOffset + ++now_ns_;
    stitcher_.OnRequestEnd(handle, std::move(span));
  }
  void Pass(uint64_t ns) {
    now_ns_ += ns;
    stitcher_.OnWatermark(now_ns_, kUnixOffset + now_ns_);
  }
  // Ends what is open and lets everything become final.
  void Settle(std::initializer_list<uint64_t> handles) {
    for (uint64_t handle : handles) End(handle);
    Pass(2'000'000'000);
  }
  const Span& Of(uint64_t handle) { return spans_.at(static_cast<int64_t>(handle)); }

  void ExpectParent(uint64_t child, uint64_t parent, LinkRule rule) {
    EXPECT_EQ(Of(child).parent_span_id, Of(parent).span_id);
    EXPECT_EQ(Of(child).trace_id, Of(parent).trace_id);
    EXPECT_EQ(Of(child).link, rule) << Name(Of(child).link) << " " << Name(Of(child).refused);
    EXPECT_EQ(Of(child).refused, LinkRefusal::kNone);
  }
  void ExpectRefused(uint64_t handle, LinkRefusal reason) {
    EXPECT_FALSE(Of(handle).parent_span_id);
    EXPECT_EQ(Of(handle).link, LinkRule::kNone);
    EXPECT_EQ(Of(handle).refused, reason) << Name(Of(handle).refused);
  }
  void ExpectRoot(uint64_t handle) { ExpectRefused(handle, LinkRefusal::kNone); }

  static constexpr uint64_t kUnixOffset = 1'700'000'000'000'000'000;
  uint64_t now_ns_ = 1'000'000'000;
  uint64_t connections_ = 0;
  uint64_t handles_ = 0;
  uint32_t names_ = 0;
  std::map<uint64_t, RequestStart> starts_;
  std::map<int64_t, Span> spans_;
  std::vector<uint64_t> order_;
  uint64_t passed_on_ns_ = 0;
  Stitcher stitcher_;
};

}  // namespace tracelet::span
