// Events -> spans: wires ConnTracker, Assembler and Stitcher, live and in a replay
// alike. A pure function of the calls it gets. Capture thread.
#pragma once

#include <functional>

#include "agent/conn/conn_tracker.h"
#include "agent/pipeline/route_grouper.h"
#include "agent/source/event_source.h"
#include "agent/span/assembler.h"
#include "agent/span/stitcher.h"
#include "config/config.h"

namespace tracelet::pipeline {

// What ties the agents of one installation together; alone by default.
struct Installation {
  span::InstallationKey key{};
  span::PeerLink* peers = nullptr;  // must outlive the pipeline
  span::SdkInbox* sdk = nullptr;    // so must this
};

// A request that goes on, as it is so far. Views, valid while it is told.
struct OpenRequest {
  span::Kind kind;
  const process::ProcessInfo* process;  // null: not known
  uint64_t age_ns;
  const protocol::OpenExchange& so_far;
};

class Pipeline : public source::EventSink {
 public:
  // `sink` must outlive it. `ignore` is told which connections are of no interest; may be empty.
  Pipeline(const config::Config& config, span::SpanSink& sink, conn::ConnTracker::Ignore ignore,
           const Installation& installation = {});

  void OnClock(const source::ClockPair& pair) override;
  void OnProcess(const process::ProcessInfo& info) override;
  void OnEvent(const event_header& event) override;
  void OnWatermark(uint64_t monotonic_ns) override;

  // Every request that goes on. Looks at all connections.
  void ForEachOpen(const std::function<void(const OpenRequest&)>& tell) const;

  // The source is drained: passes on what is held.
  void Finish();

  // consumed == used + ignored
  [[nodiscard]] const conn::EventLedger& events() const { return tracker_.ledger(); }
  // assembled == exported + dropped + held
  [[nodiscard]] const span::SpanLedger& spans() const { return stitcher_.ledger(); }
  [[nodiscard]] const conn::ConnTracker& tracker() const { return tracker_; }
  [[nodiscard]] const span::Stitcher& stitcher() const { return stitcher_; }

 private:
  RouteGrouper routes_;
  span::Stitcher stitcher_;
  span::Assembler assembler_;
  conn::ConnTracker tracker_;
  uint64_t now_ns_ = 0;  // the last watermark
};

}  // namespace tracelet::pipeline
