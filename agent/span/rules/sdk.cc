#include "agent/span/rules/sdk.h"

#include <algorithm>
#include <array>

#include "agent/span/attributes.h"

namespace tracelet::span {
namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kClockSlackNs = 50'000;            // between an application's clock and ours
constexpr uint64_t kEventsTravelNs = 300 * kMs;       // a span can come before its request's events
constexpr uint64_t kForgottenAfterNs = 60'000 * kMs;  // a process that sends nothing any more
constexpr size_t kMaxProcesses = 10'000;

uint64_t HeaderKey(TraceId trace_id, SpanId parent_id) {
  return (trace_id.high ^ trace_id.low * 0x9e3779b97f4a7c15ULL) ^ parent_id.value * 0xc2b2ae3d27d4eb4fULL;
}
uint64_t EndpointKey(uint32_t pid, uint16_t port) { return uint64_t{pid} << 16 | port; }

// What the application cannot know.
bool OnlyOurs(std::string_view key) {
  return key.starts_with("tracelet.") || key == attributes::kHttpRequestBodySize ||
         key == attributes::kHttpResponseBodySize;
}

}  // namespace

std::string_view Name(SdkOutcome outcome) {
  static constexpr std::array<std::string_view, static_cast<size_t>(SdkOutcome::kCount)> kNames = {
      "headers", "endpoints", "tied", "ambiguous", "unseen"};
  return kNames[static_cast<size_t>(outcome)];
}

void SdkRule::OnStart(const RequestPtr& request) {
  const RequestStart& start = request->start;
  const uint32_t pid = start.first.process.tgid;
  if (inbox_ == nullptr || !TracesItself(pid)) return;
  if (start.context) {
    // A header that was only passed on names a span of somebody else.
    if (start.kind == Kind::kClient && request->node.parent() != nullptr) return;
    by_headers_[HeaderKey(start.context->trace_id, start.context->parent_id)].push_back(request);
  } else if (start.kind == Kind::kServer && start.endpoints && !start.endpoints->unix_socket && !start.multiplexed) {
    by_endpoints_[EndpointKey(pid, start.endpoints->remote_port)].push_back(request);
  } else {
    return;
  }
  request->node.AwaitSdk(start.first.time_ns + config_.max_wait_ms * kMs);
}

void SdkRule::OnEnd(const RequestPtr& request, uint64_t now_ns) {
  if (request->node.AwaitsSdk()) request->node.AwaitSdk(now_ns + config_.wait_ms * kMs);
}

void SdkRule::OnPassedOn(const Request& request) {
  const RequestStart& start = request.start;
  const auto remove = [&request](Index& index, uint64_t key) {
    const auto found = index.find(key);
    if (found == index.end()) return;
    std::erase_if(found->second, [&](const RequestPtr& other) { return other.get() == &request; });
    if (found->second.empty()) index.erase(found);
  };
  if (start.context) {
    if (!by_headers_.empty()) remove(by_headers_, HeaderKey(start.context->trace_id, start.context->parent_id));
  } else if (!by_endpoints_.empty() && start.endpoints) {
    remove(by_endpoints_, EndpointKey(start.first.process.tgid, start.endpoints->remote_port));
  }
}

void SdkRule::Heard(uint32_t pid, uint64_t now_ns) {
  if (known_.size() >= kMaxProcesses) known_.clear();
  known_[pid] = now_ns;
}

void SdkRule::OnWatermark(uint64_t now_ns, uint64_t unix_ns) {
  if (inbox_ == nullptr) return;
  to_unix_ns_ = unix_ns - now_ns;
  for (std::unique_ptr<SdkBatch>& batch : inbox_->TakeSdkBatches()) {
    const bool known = TracesItself(batch->pid());
    Heard(batch->pid(), now_ns);
    Held& held = held_.emplace_back();
    held.found.resize(batch->spans().size());
    held.batch = std::move(batch);
    // What it sent before it was known may have been passed on: no use in looking for long.
    held.look_until_ns = now_ns + (known ? kEventsTravelNs : 0);
    held.wait_until_ns = now_ns + config_.max_wait_ms * kMs;
  }
  std::erase_if(known_, [now_ns](const auto& one) { return one.second + kForgottenAfterNs < now_ns; });
  while (held_.size() > config_.max_batches) {
    Release(held_.front());
    held_.pop_front();
  }
  std::erase_if(held_, [&](Held& held) {
    if (!Settled(held, now_ns)) return false;
    Release(held);
    return true;
  });
}

// Every span has its request or cannot have one, and what is to be said of it is known.
bool SdkRule::Settled(Held& held, uint64_t now_ns) {
  bool settled = true;
  for (size_t i = 0; i < held.found.size(); ++i) {
    Joined& joined = held.found[i];
    if (!joined.decided) Look(held, i);
    if (!joined.decided) {
      settled &= now_ns >= held.look_until_ns;
    } else if (joined.request && !joined.request->passed_on) {
      settled &= joined.request->span != nullptr && joined.request->node.AwaitedUntil() <= now_ns;
    }
  }
  return settled || now_ns >= held.wait_until_ns;
}

SdkRule::Requests SdkRule::FindByHeaders(const SdkSpan& span, uint32_t pid) const {
  const SpanId carried = span.kind == Kind::kClient ? span.span_id : span.parent_id;
  const auto found = by_headers_.find(HeaderKey(span.trace_id, carried));
  if (found == by_headers_.end()) return {};
  Requests fitting;
  for (const RequestPtr& request : found->second) {
    const RequestStart& start = request->start;
    if (start.kind == span.kind && start.first.process.tgid == pid && start.context->trace_id == span.trace_id &&
        start.context->parent_id == carried) {
      fitting.push_back(request);
    }
  }
  return fitting;
}

SdkRule::Requests SdkRule::FindByEndpoints(const SdkSpan& span, uint32_t pid) const {
  if (span.kind != Kind::kServer || span.parent_id || span.peer_port == 0 || span.peer_address.empty()) return {};
  const auto found = by_endpoints_.find(EndpointKey(pid, span.peer_port));
  if (found == by_endpoints_.end()) return {};
  Requests fitting;
  for (const RequestPtr& request : found->second) {
    const RequestStart& start = request->start;
    const uint64_t began = start.first.time_ns + to_unix_ns_;
    const bool going_on =
        began <= span.start_unix_ns + kClockSlackNs &&
        (request->span == nullptr || span.start_unix_ns <= request->span->end_unix_ns + kClockSlackNs);
    if (going_on && start.endpoints->remote_address == span.peer_address && start.method == span.method) {
      fitting.push_back(request);
    }
  }
  return fitting;
}

void SdkRule::Look(Held& held, size_t index) {
  const SdkSpan& span = held.batch->spans()[index];
  Joined& joined = held.found[index];
  Requests fitting = FindByHeaders(span, held.batch->pid());
  const bool by_headers = !fitting.empty();
  if (!by_headers) fitting = FindByEndpoints(span, held.batch->pid());
  if (fitting.empty()) return;
  joined.decided = true;
  if (fitting.size() > 1 || fitting.front()->joined) return outcomes_.Add(SdkOutcome::kAmbiguous);
  joined.request = fitting.front();
  Request& request = *joined.request;
  if (request.node.BecomeSdkSpan(span.trace_id, span.span_id)) {
    request.joined = true;
    outcomes_.Add(by_headers ? SdkOutcome::kHeaders : SdkOutcome::kEndpoints);
  } else {
    joined.tied = true;
    request.sdk_link = Link{span.trace_id, span.span_id};
    outcomes_.Add(SdkOutcome::kTied);
  }
  request.node.AwaitSdk(0);
}

void SdkRule::Release(Held& held) {
  std::vector<SdkJoin> joins;
  for (size_t i = 0; i < held.found.size(); ++i) {
    const Joined& joined = held.found[i];
    if (!joined.decided) outcomes_.Add(SdkOutcome::kUnseen);
    if (!joined.request) continue;
    Request& request = *joined.request;
    const SdkSpan& sdk = held.batch->spans()[i];
    SdkJoin& join = joins.emplace_back();
    join.index = sdk.index;
    if (joined.tied) {
      join.link = Link{request.node.Tell(), request.node.TellId()};
      continue;
    }
    if (!sdk.parent_id) {
      join.trace_id = sdk.trace_id;
      join.parent_id = request.node.parent() != nullptr  ? request.node.TellParentId()
                       : request.link == LinkRule::kPeer ? request.remote_parent
                                                         : SpanId{};
    }
    if (request.span == nullptr) continue;
    Span captured;
    captured.kind = request.span->kind;
    captured.start_unix_ns = request.span->start_unix_ns;
    captured.end_unix_ns = request.span->end_unix_ns;
    captured.process = request.span->process;
    join.process = captured.process;
    request.span->Describe(request.start, captured);
    for (Attribute& attribute : captured.attributes) {
      if (OnlyOurs(attribute.key)) join.attributes.push_back(std::move(attribute));
    }
    join.attributes.push_back({attributes::kLink, std::string(Name(LinkRule::kSdk))});
  }
  held.batch->Release(joins);
}

void SdkRule::Flush() {
  for (Held& held : held_) Release(held);
  held_.clear();
}

}  // namespace tracelet::span
