#include "agent/span/stitcher.h"

#include <algorithm>
#include <array>
#include <utility>

#include "agent/span/finished_span.h"
#include "agent/span/late_links.h"
#include "agent/span/rules/header.h"

namespace tracelet::span {
namespace {

void Refuse(Request& request, LinkRefusal reason, const std::vector<RequestPtr>& candidates) {
  request.refused = reason;
  if (candidates.empty()) return;
  request.candidates = std::vector<std::shared_ptr<TraceNode>>();
  for (const RequestPtr& candidate : candidates) request.candidates->push_back(NodeOf(candidate));
}

// A server's request is a root, or its header's, again: its name proved nothing.
void Unpair(Request& server) {
  if (server.node.parent() != nullptr) server.node.Detach();
  server.link = server.start.context ? LinkRule::kHeader : LinkRule::kNone;
  server.refused = server.start.context ? LinkRefusal::kNone : LinkRefusal::kConflict;
}

// Other requests may keep this one for its place in the trace; the rest of it goes, and with
// it the only way in which two could keep each other.
void LetGo(Request& request) {
  request.passed_on = true;
  request.span.reset();
  request.candidates.reset();
}

// From now on its trace cannot change.
PeerAnswer Telling(Request& client) {
  return {.kind = PeerAnswer::Kind::kFinal,
          .trace_id = client.node.Tell(),
          .span_id = client.node.TellId(),
          .sampled = client.node.Sampled()};
}

}  // namespace

std::string_view Name(SpanDrop reason) {
  static constexpr std::array<std::string_view, static_cast<size_t>(SpanDrop::kCount)> kNames = {"table_full",
                                                                                                 "exporter"};
  return kNames[static_cast<size_t>(reason)];
}

Stitcher::Stitcher(const config::Span& config, const InstallationKey& key, SpanSink& sink, const Outside& outside)
    : hold_ns_(config.hold_ms * 1'000'000),
      max_open_(config.max_open),
      max_held_(config.max_held),
      key_(key),
      sink_(sink),
      thread_(config.max_open),
      loop_(config.max_open),
      peer_(outside.peer_config, key, outside.peers),
      peers_(outside.peers),
      sdk_(outside.sdk_config, outside.sdk),
      remembered_(outside.peer_config.max_asked),
      worker_(config.max_open) {}

void Stitcher::OnRequestStart(uint64_t handle, RequestStart&& start) {
  latest_ns_ = std::max(latest_ns_, start.first.time_ns);
  if (open_.size() >= max_open_) {
    open_servers_.AddUnknown();
    return;
  }
  const bool named = start.name && !sequence_.Taken(start);
  const RequestIds ids = named ? IdsOf(*start.name, key_) : IdsOf(start.fallback_id, handle, key_);
  auto request = std::allocate_shared<Request>(RecycledAllocator<Request>(), std::move(start), ids);
  open_.emplace(handle, request);
  if (request->start.pushed) {
    LinkPushed(request);
  } else if (request->start.kind == Kind::kServer) {
    LinkServer(request);
  } else {
    loop_.OnCallStart(*request);
    TakeBack(python_.OnCallStart(*request), LinkRefusal::kQueue);
    LinkClient(request);
    AskWorkers(request);
  }
  PairUp(request);
  if (!request->start.pushed) sdk_.OnStart(request);
  const bool called_from_elsewhere = request->start.kind == Kind::kServer && request->node.parent() == nullptr;
  if (called_from_elsewhere && request->refused == LinkRefusal::kNone) peer_.OnServerStart(request);
}

void Stitcher::LinkServer(const RequestPtr& server) {
  thread_.OnServerStart(*server);
  loop_.OnServerStart(server, open_servers_);
  python_.OnServerStart(server);
  handover_.OnServerStart(server);
  goroutine_.OnServerStart(server);
  open_servers_.Add(server);
  if (AskHeader(*server, open_servers_).remote != nullptr) server->link = LinkRule::kHeader;
}

void Stitcher::LinkClient(const RequestPtr& client) {
  const Verdict header = AskHeader(*client, open_servers_);
  const Verdict goroutine = goroutine_.Ask(*client, open_servers_);
  // Goroutines move between threads.
  const bool goroutines = client->start.go_cause.known;
  const Verdict thread = goroutines ? Verdict{} : thread_.Ask(*client, open_servers_);
  const Verdict loop = loop_.Ask(*client, open_servers_);
  const Verdict python = python_.Ask(*client, open_servers_);
  const Verdict handover = handover_.Ask(*client, open_servers_);
  const bool by_header = header.parent || header.remote != nullptr;
  if (by_header) client->link = LinkRule::kHeader;
  RequestPtr parent;
  LinkRule rule = LinkRule::kNone;
  for (const auto& [verdict, by] : {std::pair(&header, LinkRule::kHeader),
                                    {&goroutine, LinkRule::kGoroutine},
                                    {&python, LinkRule::kPython},
                                    {&thread, LinkRule::kThread},
                                    {&loop, LinkRule::kLoop},
                                    {&handover, LinkRule::kHandover}}) {
    if (!verdict->parent) continue;
    if (parent && parent != verdict->parent) {
      client->link = LinkRule::kNone;
      return Refuse(*client, LinkRefusal::kConflict, {parent, verdict->parent});
    }
    if (parent) continue;
    parent = verdict->parent;
    rule = by;
  }
  // A span of which only the ids are known, in a header, goes before what else was found.
  if (header.remote != nullptr) parent = nullptr;
  if (parent && client->node.Attach(NodeOf(parent))) {
    client->link = rule;
    loop_.OnLinked(*client, *parent);
    if (rule == LinkRule::kThread) thread_.OnLinked(client);
    if (rule == LinkRule::kPython) python_.OnLinked(client, parent, open_servers_);
  } else if (!by_header) {
    // What a runtime's probes say is more than what threads look like from outside.
    const Verdict& verdict = goroutine.refused != LinkRefusal::kNone  ? goroutine
                             : python.refused != LinkRefusal::kNone   ? python
                             : handover.refused != LinkRefusal::kNone ? handover
                             : loop.refused != LinkRefusal::kNone     ? loop
                                                                      : thread;
    Refuse(*client, parent ? LinkRefusal::kConflict : verdict.refused, verdict.candidates);
  }
}

void Stitcher::AskWorkers(const RequestPtr& client) {
  if (!worker_.Concerns(client->start.first)) return;
  const Request* alone = loop_.Alone(client->start.first.process);
  WorkerRule::Decided decided;
  if (worker_.OnCallStart(client, alone, open_servers_, decided)) client->node.Await(latest_ns_ + hold_ns_);
  Decide(decided);
}

void Stitcher::Decide(const WorkerRule::Decided& decided) {
  TakeBack(decided.taken_back, LinkRefusal::kQueue);
  LinkLate(decided.linked, thread_);
}

// The frame itself says with which request it was promised. The server's end is the child of the client's, by its name.
void Stitcher::LinkPushed(const RequestPtr& pushed) {
  if (pushed->start.kind == Kind::kServer) return;
  const auto with = open_.find(pushed->start.pushed_with);
  if (with != open_.end() && pushed->node.Attach(NodeOf(with->second))) {
    pushed->link = LinkRule::kPush;
  } else {
    pushed->refused = LinkRefusal::kLostEvent;
  }
}

void Stitcher::PairUp(const RequestPtr& request) {
  const SequenceRule::Pair* pair = sequence_.Add(request);
  if (pair == nullptr) return;
  if (pair->conflict) {
    for (const RequestPtr& one : {request, pair->client, pair->server}) {
      if (one == nullptr) continue;
      one->received_ns = 0;
      if (one->start.kind == Kind::kServer) Unpair(*one);
    }
  } else if (pair->client && pair->server) {
    Request& server = *pair->server;
    if (server.node.Attach(NodeOf(pair->client))) {
      server.link = LinkRule::kSequence;
      pair->client->received_ns = server.start.first.time_ns;
    } else {
      Unpair(server);
    }
  }
}

RequestPtr Stitcher::Close(uint64_t handle) {
  const auto found = open_.find(handle);
  if (found == open_.end()) {
    open_servers_.RemoveUnknown();
    return nullptr;
  }
  RequestPtr request = std::move(found->second);
  open_.erase(found);
  if (request->start.pushed) return request;
  if (request->start.kind == Kind::kServer) {
    open_servers_.Remove(*request);
    loop_.OnServerEnd(*request);
    python_.OnServerEnd(*request);
    handover_.OnServerEnd(*request);
    goroutine_.OnServerEnd(*request);
  } else {
    loop_.OnCallEnd(*request);
  }
  return request;
}

void Stitcher::OnResponseOpenEnded(uint64_t handle) {
  const auto found = open_.find(handle);
  if (found == open_.end() || found->second->start.kind != Kind::kServer) return;
  open_servers_.Release(*found->second);
  loop_.OnServerEnd(*found->second);
  python_.OnServerEnd(*found->second);
  handover_.OnServerEnd(*found->second);
  goroutine_.OnServerReleased(*found->second);
}

void Stitcher::OnAnswered(uint64_t handle, const conn::Operation& answer) {
  if (!worker_.Concerns(answer)) return;
  const auto found = open_.find(handle);
  if (found == open_.end() || found->second->start.pushed) return;
  Decide(worker_.OnAnswered(found->second, answer, loop_.Alone(found->second->start.first.process)));
}

void Stitcher::OnRequestEnd(uint64_t handle, std::unique_ptr<const HeldSpan> span) {
  ++ledger_.assembled;
  RequestPtr request = Close(handle);
  if (request && request->start.kind == Kind::kServer && !request->start.pushed) {
    TakeBack(thread_.OnServerEnd(*request, span->answered_by, open_servers_), LinkRefusal::kQueue);
    TakeBack(python_.OnServerOver(*request, span->events_lost), LinkRefusal::kLostEvent);
  }
  if (!request) {
    ledger_.dropped.Add(SpanDrop::kTableFull);
    return;
  }
  request->span = std::move(span);
  request->final_ns = latest_ns_ + hold_ns_;
  sdk_.OnEnd(request, latest_ns_);
  held_.push_back(std::move(request));
  ++ledger_.held;
  if (held_.size() + awaiting_.size() <= max_held_) return;
  RequestPtr oldest;
  if (awaiting_.empty()) {
    oldest = std::move(held_.front());
    held_.pop_front();
  } else {
    oldest = std::move(awaiting_.extract(awaiting_.begin()).mapped());
  }
  ++ledger_.early;
  PassOn(*oldest);
}

void Stitcher::OnRequestDropped(uint64_t handle) {
  const RequestPtr request = Close(handle);
  if (!request) return;
  python_.OnServerOver(*request, false);
  sequence_.Remove(*request);
  sdk_.OnPassedOn(*request);
  LetGo(*request);
}

void Stitcher::OnWatermark(uint64_t monotonic_ns, uint64_t unix_ns) {
  latest_ns_ = std::max(latest_ns_, monotonic_ns);
  to_unix_ns_ = unix_ns - monotonic_ns;
  peer_.OnWatermark(latest_ns_);
  sdk_.OnWatermark(latest_ns_, latest_ns_ + to_unix_ns_);
  AnswerPeers();
  std::vector<RequestPtr> final;
  TakeFinal(final);
  PassOnInOrder(std::move(final));
  sink_.OnWatermark(unix_ns - std::min(unix_ns, hold_ns_));
}

void Stitcher::TakeFinal(std::vector<RequestPtr>& final) {
  constexpr uint64_t kLookAgainNs = 50'000'000;
  const auto take = [&](RequestPtr&& request) {
    const uint64_t until_ns = request->node.AwaitedUntil();
    if (until_ns <= latest_ns_) {
      final.push_back(std::move(request));
    } else {
      awaiting_.emplace(std::min(until_ns, latest_ns_ + kLookAgainNs), std::move(request));
    }
  };
  while (!awaiting_.empty() && awaiting_.begin()->first <= latest_ns_) {
    take(std::move(awaiting_.extract(awaiting_.begin()).mapped()));
  }
  while (!held_.empty() && held_.front()->final_ns <= latest_ns_) {
    RequestPtr request = std::move(held_.front());
    held_.pop_front();
    take(std::move(request));
  }
}

void Stitcher::AnswerPeers() {
  if (peers_ == nullptr) return;
  for (const auto& asked : peers_->TakeAsked()) {
    std::vector<PeerAnswer> answers;
    answers.reserve(asked->names().size());
    for (const MessageName& name : asked->names()) {
      answers.push_back(AnswerTo(name));
      peer_.Told(answers.back().kind);
    }
    asked->Answer(std::move(answers));
  }
}

PeerAnswer Stitcher::AnswerTo(const MessageName& name) {
  const SequenceRule::Pair* pair = sequence_.Find(name);
  if (pair == nullptr || pair->conflict || !pair->client) {
    const PeerAnswer* promised = pair == nullptr ? remembered_.Find(name) : nullptr;
    return promised == nullptr ? PeerAnswer{} : *promised;
  }
  Request& client = *pair->client;
  const uint64_t until_ns = client.node.AwaitedUntil();
  if (until_ns > latest_ns_) {
    client.awaited_by_peer = true;
    const auto wait_ms = static_cast<uint32_t>((until_ns - latest_ns_) / 1'000'000 + 1);
    return {.kind = PeerAnswer::Kind::kPending, .trace_id = {}, .span_id = {}, .sampled = {}, .wait_ms = wait_ms};
  }
  return Telling(client);
}

void Stitcher::Flush() {
  sdk_.OnWatermark(latest_ns_, latest_ns_ + to_unix_ns_);
  sdk_.Flush();
  std::vector<RequestPtr> final(std::make_move_iterator(held_.begin()), std::make_move_iterator(held_.end()));
  held_.clear();
  for (auto& [when, request] : awaiting_) final.push_back(std::move(request));
  awaiting_.clear();
  PassOnInOrder(std::move(final));
}

void Stitcher::PassOnInOrder(std::vector<RequestPtr> final) {
  const auto earlier = [](const RequestPtr& a, const RequestPtr& b) {
    return std::pair(a->span->end_unix_ns, a->node.id()) < std::pair(b->span->end_unix_ns, b->node.id());
  };
  if (!std::ranges::is_sorted(final, earlier)) std::ranges::sort(final, earlier);
  for (const RequestPtr& request : final) PassOn(*request);
}

void Stitcher::PassOn(Request& request) {
  sequence_.Remove(request);
  sdk_.OnPassedOn(request);
  if (request.awaited_by_peer) remembered_.Remember(*request.start.name, Telling(request));
  std::shared_ptr<const Span> span = Finish(request);
  LetGo(request);
  links_.Add(span->link);
  if (span->refused != LinkRefusal::kNone) refused_.Add(span->refused);
  ++ledger_.exported;
  --ledger_.held;
  sink_.OnSpan(std::move(span));
}

}  // namespace tracelet::span
