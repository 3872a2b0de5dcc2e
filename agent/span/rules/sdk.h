// SDK rule: a span that an application made itself and a captured one are the same request
// (DESIGN §6). Then there is one span, the application's: it keeps its ids, gains what only
// the kernel knows (its caller, sizes, times), and captured calls become its children.
//
// A process is known to trace itself once it has sent spans to this agent. From then on its
// requests wait longer than others, because SDKs send seconds later, and nothing below them
// is final before (TraceNode::AwaitSdk). They are the same when
//   headers     the call carries the application's span as its parent id, or the request
//               carries the ids that the application's span has for its own parent
//   endpoints   the request came without a header, to this process, from the address and port
//               that the span names, with its method, and is the one of that connection
//               that was going on when the span began
// What fits two captured requests, or a request that has its span, is refused. So is what would
// put one request into two traces (its trace was told to somebody): both spans stay, tied by links.
//
// Bounded by config::SdkJoin. Capture thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/base/counters.h"
#include "agent/span/open_requests.h"
#include "agent/span/sdk_link.h"
#include "config/config.h"

namespace tracelet::span {

// Of each server's and client's span that came from a process on this host.
enum class SdkOutcome : uint8_t {
  kHeaders,
  kEndpoints,
  kTied,       // the same request, in another trace: tied by links
  kAmbiguous,  // several captured requests fit
  kUnseen,     // none does
  kCount,
};
std::string_view Name(SdkOutcome outcome);

class SdkRule {
 public:
  // `inbox` null: nothing comes.
  SdkRule(const config::SdkJoin& config, SdkInbox* inbox) : config_(config), inbox_(inbox) {}

  // After the other rules.
  void OnStart(const RequestPtr& request);
  void OnEnd(const RequestPtr& request, uint64_t now_ns);
  void OnPassedOn(const Request& request);
  void OnWatermark(uint64_t now_ns, uint64_t unix_ns);
  // Nothing more will come: releases what is held.
  void Flush();

  [[nodiscard]] const Counters<SdkOutcome>& outcomes() const { return outcomes_; }

 private:
  struct Joined {
    RequestPtr request;  // null: still looked for
    bool tied = false;
    bool decided = false;
  };
  struct Held {
    std::unique_ptr<SdkBatch> batch;
    std::vector<Joined> found;  // one for each span
    uint64_t look_until_ns = 0;
    uint64_t wait_until_ns = 0;
  };
  using Requests = std::vector<RequestPtr>;
  // By what a join looks for: ids of a header, or process and port.
  using Index = std::unordered_map<uint64_t, Requests>;

  [[nodiscard]] bool TracesItself(uint32_t pid) const { return known_.contains(pid); }
  void Heard(uint32_t pid, uint64_t now_ns);
  [[nodiscard]] bool Settled(Held& held, uint64_t now_ns);
  void Look(Held& held, size_t index);
  [[nodiscard]] Requests FindByHeaders(const SdkSpan& span, uint32_t pid) const;
  [[nodiscard]] Requests FindByEndpoints(const SdkSpan& span, uint32_t pid) const;
  void Release(Held& held);

  const config::SdkJoin config_;
  SdkInbox* const inbox_;
  std::unordered_map<uint32_t, uint64_t> known_;  // pid -> when it was heard last
  Index by_headers_;
  Index by_endpoints_;
  std::deque<Held> held_;
  uint64_t to_unix_ns_ = 0;  // what is added to CLOCK_MONOTONIC
  Counters<SdkOutcome> outcomes_;
};

}  // namespace tracelet::span
