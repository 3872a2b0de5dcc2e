#include "agent/span/rules/worker.h"

#include "agent/span/places.h"

namespace tracelet::span {
namespace {

uint64_t NameOf(const conn::Operation& operation) { return uint64_t{operation.tid} << 32 | operation.thread_start; }
uint32_t Wakes(const conn::Operation& operation) { return static_cast<uint32_t>(operation.evidence_parent >> 32); }
uint32_t Attempts(const conn::Operation& operation) { return static_cast<uint32_t>(operation.evidence_parent); }
bool NotBefore(uint32_t attempts, uint32_t others) { return static_cast<int32_t>(attempts - others) >= 0; }

// A thread did both, and has waited for nothing in between but one connection at a time.
bool NotAsleepBetween(const conn::Operation& earlier, const conn::Operation& later) {
  if (ThreadOf(earlier) != ThreadOf(later) || !earlier.waits_known || !later.waits_known) return false;
  if (earlier.evidence_type != EVIDENCE_WOKEN || later.evidence_type != EVIDENCE_WOKEN) return false;
  return earlier.waits == later.waits && Wakes(earlier) == Wakes(later) && NotBefore(later.attempts, earlier.attempts);
}

// Never the same of two requests.
std::pair<uint64_t, uint64_t> ExchangeOf(const Request& server) {
  return {server.start.connection, server.start.exchange};
}

// `server` was read by one thread, which runs no event loop.
bool ReadsOne(const Request& server) {
  const RequestStart& start = server.start;
  if (!start.first.waits_known || (start.first.waits != 0 && !AcceptedItself(start))) return false;
  return start.one_thread && !start.multiplexed && !start.events_lost && server.thread_trusted;
}

// So was the call made, and nothing is missing in between.
bool MadeByOne(const RequestStart& call, const RequestStart& server) {
  if (call.multiplexed || !call.one_thread || call.events_lost) return false;
  return call.first.waits_known && call.first.any_lost == server.first.any_lost;
}

bool Opened(const RequestStart& call, const Request& server) {
  const RequestStart& start = server.start;
  if (!start.blocking || call.first.waits != 0) return false;  // the reader does nothing else until it has answered
  if (call.first.evidence_type != EVIDENCE_WOKEN || call.first.evidence != NameOf(start.first)) return false;
  return (Wakes(call.first) & WAKES_TIMED) == 0 && NotBefore(Attempts(call.first), start.first.attempts);
}

// The reader, which did not block, makes the call, and has not slept since but in calls of its own.
bool OfReader(const Request& call, const Request& server) {
  const conn::Operation& read = server.start.first;
  const conn::Operation& first = call.start.first;
  if (server.start.blocking || call.refused != LinkRefusal::kNoEvidence) return false;  // rules/thread.h knows better
  return read.waits == 0 && NotAsleepBetween(read, first);
}

bool GivenBack(const conn::Operation& call, const conn::Operation& answer) {
  if (answer.evidence_type == EVIDENCE_RETURNED) {
    return answer.evidence == NameOf(call) && Wakes(answer) == Wakes(call) &&
           NotBefore(Attempts(answer), call.attempts);
  }
  return NotAsleepBetween(call, answer);
}

}  // namespace

WorkerRule::Process* WorkerRule::Of(const process::ProcessKey& process) {
  return Remember(processes_, max_processes_, process,
                  [](const Process& one) { return !one.leaves_behind && one.linked.empty(); });
}

void WorkerRule::Note(Process& process, const conn::Operation& call, bool Thread::*what, Decided& decided) {
  if (process.threads.size() >= kMaxThreads) {
    process.threads.clear();
    process.of_workers = process.of_readers = {};
  }
  Thread& thread = process.threads[NameOf(call)];
  thread.*what = true;
  if (!thread.own || !thread.gives_back) return;
  process.leaves_behind = true;
  process.of_workers = process.of_readers = {};
  decided.taken_back = process.linked.Take();
}

bool WorkerRule::OnCallStart(const RequestPtr& call, const Request* alone, const OpenRequests& open, Decided& decided) {
  const conn::Operation& first = call->start.first;
  const bool linked = call->link != LinkRule::kNone;
  const bool woken = alone != nullptr && !linked && ReadsOne(*alone) && MadeByOne(call->start, alone->start) &&
                     (Opened(call->start, *alone) || OfReader(*call, *alone));
  const auto known = processes_.find(first.process);
  Process* process = known != processes_.end() ? &known->second : woken ? Of(first.process) : nullptr;
  if (process == nullptr || call->start.go_cause.known || (alone != nullptr && call->node.parent() == &alone->node))
    return false;
  if (!linked && open.CountIn(first.process) == 0) Note(*process, first, &Thread::own, decided);
  if (alone == nullptr) return false;
  if (process->waiting_for != ExchangeOf(*alone)) {
    process->waiting_for = ExchangeOf(*alone);
    process->waiting.clear();
    process->spoiled = false;
  }
  process->spoiled |= !woken || process->waiting.size() >= kMaxCalls;
  if (process->spoiled) {
    process->waiting.clear();
    return false;
  }
  process->waiting.push_back(call);
  return !process->leaves_behind;
}

void WorkerRule::Believe(Process& process, const RequestPtr& call, const RequestPtr& server, Decided& decided) {
  const conn::Operation& first = call->start.first;
  const bool by_worker = server->start.blocking;
  Proof& proof = by_worker ? process.of_workers : process.of_readers;
  // What was started for the request has no past.
  const auto read_at = static_cast<uint32_t>(server->start.first.time_ns >> 20);
  if (!NotBefore(first.thread_start, read_at)) Note(process, first, &Thread::gives_back, decided);
  const auto thread = process.threads.find(NameOf(first));
  if (process.leaves_behind || (thread != process.threads.end() && thread->second.own)) return;
  ++proof.given_back;
  if (NameOf(first) != proof.last && thread != process.threads.end()) {
    proof.in_turn |= thread->second.gave_before;
    thread->second.gave_before = true;
  }
  proof.last = NameOf(first);
  if (proof.unproven.size() >= kEnough) proof.unproven.clear();
  proof.unproven.emplace_back(call, server);
  if (proof.given_back < kEnough || (!by_worker && !proof.in_turn)) return;
  for (auto& link : proof.unproven) {
    if (link.first->passed_on) continue;
    process.linked.Add(link.first);
    decided.linked.push_back(std::move(link));
  }
  proof.unproven.clear();
}

WorkerRule::Decided WorkerRule::OnAnswered(const RequestPtr& server, const conn::Operation& answer,
                                           const Request* alone) {
  Decided decided;
  const auto known = processes_.find(server->start.first.process);
  if (known == processes_.end()) return decided;
  Process& process = known->second;
  if (process.waiting_for != ExchangeOf(*server)) return decided;
  process.waiting_for = {};
  const std::vector<RequestPtr> waiting = std::exchange(process.waiting, {});
  if (alone != server.get() || process.spoiled || answer.any_lost != server->start.first.any_lost) return decided;
  for (const RequestPtr& call : waiting) {
    const bool over = call->span != nullptr || call->passed_on;
    const bool of_reader = !server->start.blocking;
    const bool waited_for = !of_reader || (call->span != nullptr && call->span->waited_for);
    if (!over) {  // a reader that waited for it may not have seen its end
      if (!of_reader) Note(process, call->start.first, &Thread::own, decided);
    } else if (waited_for && GivenBack(call->start.first, answer)) {
      Believe(process, call, server, decided);
    }
  }
  return decided;
}

}  // namespace tracelet::span
