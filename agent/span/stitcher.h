// Span -> trace. The Assembler tells it when a request begins and ends; it gives
// every span its ids, its parent or the reason why there is none, holds it until
// nothing can change it any more, and passes it on.
//
// It combines the verdicts of the link rules (one file each, rules/*.h) and knows
// none of their evidence itself. Two verdicts that disagree are a refusal.
// One thread. Time is what OnWatermark says: a span is final when the watermark has
// moved config::Span.hold_ms past the one at which it ended, and no agent of another node
// is asked about its trace any more (rules/peer.h), nor an SDK's span expected (rules/sdk.h). When max_held spans wait,
// the oldest is passed on early: its trace id is told then and changes no more, so what
// comes to be known of it later is refused, and nothing is lost.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "agent/base/counters.h"
#include "agent/base/recycled.h"
#include "agent/span/message_name.h"
#include "agent/span/open_requests.h"
#include "agent/span/request_sink.h"
#include "agent/span/request_start.h"
#include "agent/span/rules/goroutine.h"
#include "agent/span/rules/handover.h"
#include "agent/span/rules/loop.h"
#include "agent/span/rules/peer.h"
#include "agent/span/rules/python.h"
#include "agent/span/rules/sdk.h"
#include "agent/span/rules/sequence.h"
#include "agent/span/rules/thread.h"
#include "agent/span/rules/worker.h"
#include "agent/span/span.h"
#include "agent/span/telling_memory.h"
#include "config/config.h"

namespace tracelet::span {

enum class SpanDrop : uint8_t {
  kTableFull,  // more requests were open than configured
  kExporter,
  kCount,
};
std::string_view Name(SpanDrop reason);

// assembled == exported + dropped + held, at any time.
struct SpanLedger {
  uint64_t assembled = 0;
  uint64_t exported = 0;  // passed on to the SpanSink
  uint64_t early = 0;     // of these, before they were final, because more were held than configured
  uint64_t held = 0;
  Counters<SpanDrop> dropped;
};

// Who else knows something: the agents of other nodes, and SDKs. Both may be null, and outlive the stitcher.
struct Outside {
  config::Peer peer_config = {};
  PeerLink* peers = nullptr;
  config::SdkJoin sdk_config = {};
  SdkInbox* sdk = nullptr;
};

class Stitcher : public RequestSink {
 public:
  // `sink` must outlive it. It gets the spans that became final at one watermark in order
  // of their end, then id; then that watermark less the hold time: every span that ended
  // before was delivered, except those of requests reported late and of traces that were asked for. Those that could
  // not be held come earlier, one by one.
  Stitcher(const config::Span& config, const InstallationKey& key, SpanSink& sink)
      : Stitcher(config, key, sink, Outside()) {}
  Stitcher(const config::Span& config, const InstallationKey& key, SpanSink& sink, const Outside& outside);

  void OnRequestStart(uint64_t handle, RequestStart&& start) override;
  void OnResponseOpenEnded(uint64_t handle) override;
  void OnAnswered(uint64_t handle, const conn::Operation& answer) override;
  void OnRequestEnd(uint64_t handle, std::unique_ptr<const HeldSpan> span) override;
  void OnRequestDropped(uint64_t handle) override;
  void OnWatermark(uint64_t monotonic_ns, uint64_t unix_ns) override;

  // Passes on all spans that are held: nothing more will come. Requests still open are not spans.
  void Flush();

  [[nodiscard]] const SpanLedger& ledger() const { return ledger_; }
  [[nodiscard]] const PeerLedger& peers() const { return peer_.ledger(); }
  [[nodiscard]] const Counters<SdkOutcome>& sdk_spans() const { return sdk_.outcomes(); }
  [[nodiscard]] size_t open() const { return open_.size(); }
  // Of the spans passed on: how each got its parent (kNone: roots), or why it has none.
  [[nodiscard]] const Counters<LinkRule>& links() const { return links_; }
  [[nodiscard]] const Counters<LinkRefusal>& refused() const { return refused_; }

 private:
  void PairUp(const RequestPtr& request);
  void LinkServer(const RequestPtr& server);
  void LinkClient(const RequestPtr& client);
  // What workers do is linked later, when the request that they work for has been answered.
  void AskWorkers(const RequestPtr& client);
  void Decide(const WorkerRule::Decided& decided);
  void LinkPushed(const RequestPtr& pushed);
  void AnswerPeers();
  PeerAnswer AnswerTo(const MessageName& name);
  // Those whose trace may still become another one, because other agents are asked, wait longer.
  void TakeFinal(std::vector<RequestPtr>& final);
  // Takes an ended request off every index of what is open; null if it was never in one.
  RequestPtr Close(uint64_t handle);
  void PassOnInOrder(std::vector<RequestPtr> final);
  void PassOn(Request& request);

  const uint64_t hold_ns_;
  const size_t max_open_;
  const size_t max_held_;
  const InstallationKey key_;
  SpanSink& sink_;

  RecycledMap<uint64_t, RequestPtr> open_;        // by handle
  std::deque<RequestPtr> held_;                   // in order of final_ns
  std::multimap<uint64_t, RequestPtr> awaiting_;  // past it; by when to look again
  OpenRequests open_servers_;
  SequenceRule sequence_;
  ThreadRule thread_;
  LoopRule loop_;
  GoroutineRule goroutine_;
  PeerRule peer_;
  PeerLink* const peers_;
  SdkRule sdk_;
  TellingMemory remembered_;
  PythonRule python_;
  HandoverRule handover_;
  WorkerRule worker_;
  uint64_t latest_ns_ = 0;  // latest time heard of, CLOCK_MONOTONIC
  uint64_t to_unix_ns_ = 0;
  SpanLedger ledger_;
  Counters<LinkRule> links_;
  Counters<LinkRefusal> refused_;
};

}  // namespace tracelet::span
