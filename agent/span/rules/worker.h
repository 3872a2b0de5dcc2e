// Worker rule: who works for a request that is alone: nothing else was under way in its process when it began, no
// request and no call, and nothing has begun since that is not its own. Whatever happens in the process then happens
// for this request, or for something that was left to do; so both ends must show, in either of two ways:
// - A thread that has read a request wakes, or starts, another one, which makes a call and then wakes the first one, or
//   answers itself. Futexes say so (bpf/handover.h); what was handed over does not show.
//     opener   the request's reader woke the thread since it read the request, and the thread had slept since before
//     closer   the thread woke the reader after the call, and was not woken by anyone in between; the reader slept
//              until then, and has answered since. So what a request leaves behind is not taken for its own.
// - A thread that did not block in the read of the request, and so may run coroutines, or take any job of a pool
//   (Tomcat's), makes the call, waits for its answer in a read that blocks, and answers: all on one stack, then. From
//   the read to the answer it has waited for nothing else.
// Calls are linked when the request has been answered, while they are held.
//
// What would look the same and is not, so it is refused:
//   left behind   a queue's next job may be one that an earlier request did not wait for. A thread that made a
//                 call while no request was open, or for longer than the request that it was woken for, does such
//                 work (`own`): it is not believed. If it also gave something back, so does its pool, and no
//                 thread of the process is believed any more; links that are still held are taken back.
//   timer         a worker that ever waited in vain may find what has become due: WAKES_TIMED
//   lock          who waits for a lock that the reader holds fell asleep later, or has another futex operation
//   chance        nothing is linked before kEnough calls of the process were given back
//   turns         parts of requests may queue for the one thread of a pool, which never sleeps between them. Where
//   there
//                 are two the other one takes some, and a request is answered by another thread than its reader
//                 (reader_habits.h). So readers that do not block are believed once two were seen to take turns
//   event loop, shared head, adopted, lost event   as in rules/thread.h
//
// Bounded: by max_processes, and kMaxThreads in each. Capture thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/span/open_requests.h"
#include "agent/span/rules/held_calls.h"

namespace tracelet::span {

class WorkerRule {
 public:
  static constexpr uint32_t kEnough = 16;
  static constexpr size_t kMaxThreads = 1'024;
  static constexpr size_t kMaxCalls = 64;  // for one request

  explicit WorkerRule(size_t max_processes) : max_processes_(max_processes) {}

  struct Decided {
    std::vector<std::pair<RequestPtr, RequestPtr>> linked;  // a call, and its parent
    std::vector<RequestPtr> taken_back;
  };

  // False: as long as all operations are like this one, there is nothing to tell or to ask.
  [[nodiscard]] bool Concerns(const conn::Operation& operation) const {
    return operation.evidence_type == EVIDENCE_WOKEN || !processes_.empty();
  }
  // After the other rules, which may have linked it. `alone`: the request of its process that is alone, or null.
  // True: whose it is will be known when that is answered.
  bool OnCallStart(const RequestPtr& call, const Request* alone, const OpenRequests& open, Decided& decided);
  // It was answered; `answer` wrote the first byte. `alone`: as above.
  Decided OnAnswered(const RequestPtr& server, const conn::Operation& answer, const Request* alone);

 private:
  struct Thread {
    bool own = false;
    bool gives_back = false;
    bool gave_before = false;  // before another thread did
  };
  struct Proof {
    uint32_t given_back = 0;
    uint64_t last = 0;                                        // who gave the last one back
    bool in_turn = false;                                     // one gave back again after another one had
    std::vector<std::pair<RequestPtr, RequestPtr>> unproven;  // the latest, before there were enough
  };
  struct Process {
    std::unordered_map<uint64_t, Thread> threads;  // by tid << 32 | thread_start
    std::pair<uint64_t, uint64_t> waiting_for;     // connection and exchange of the request that is alone
    std::vector<RequestPtr> waiting;               // calls made for it, if they are given back
    bool spoiled = false;                          // something else has begun since
    bool leaves_behind = false;
    Proof of_workers;
    Proof of_readers;  // that do not block
    HeldCalls linked;
  };
  Process* Of(const process::ProcessKey& process);
  static void Note(Process& process, const conn::Operation& call, bool Thread::*what, Decided& decided);
  static void Believe(Process& process, const RequestPtr& call, const RequestPtr& server, Decided& decided);

  const size_t max_processes_;
  std::unordered_map<process::ProcessKey, Process>
      processes_;  // in which a call may have been for a request that is alone
};

}  // namespace tracelet::span
