// Thread rule: a thread that blocks in the read of a request and then writes a call while
// that request is the only open one it has read, makes the call for it. So does one that does not block in
// the read, in a process whose readers are known to answer what they read (Tomcat's workers).
//
// What would look the same and is not, so it is refused:
//   event loop    it waits for many connections and may write what another thread or an
//                 earlier request wanted. Any wait in the thread's life makes it one, except
//                 that of a worker that waits for listening sockets only: it accepted the
//                 connection itself, and has not waited since.
//   two requests  pipelined, or read by a dispatcher that hands over: ambiguous
//   hand-over     the writer has read no open request: no evidence
//   shared head   several threads read some open request's head: who has it is unknown
//   open end      the response has begun and its end cannot be seen (a chunked body): the
//                 request may be over, so it no longer counts as one of the thread's
//   handed on     the process answers requests by other threads than those that read them: reader_habits.h
//   adopted       the thread is older than the agent, so it may be in the middle of an
//                 event loop's turn, or hold requests that nobody saw. Trusted once it has
//                 read a request in the same way, that one is over, and no loop could have
//                 come to the next one without a wait: it is on the same connection, or
//                 the thread accepted it itself, or it came later than any turn lasts.
//   lost event    anything the thread did between the read and the call was lost
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "agent/span/rules/reader_habits.h"
#include "agent/span/rules/verdict.h"

namespace tracelet::span {

class ThreadRule {
 public:
  // Remembers at most so many adopted threads; then starts over, which only refuses more. And so many processes.
  explicit ThreadRule(size_t max_threads) : max_threads_(max_threads), habits_(max_threads) {}

  void OnServerStart(Request& server);
  // It was answered; `open`: the others. Returns the calls that were linked by this rule and should not have been.
  std::vector<RequestPtr> OnServerEnd(const Request& server, Answerer by, const OpenRequests& open);
  // The call was linked by this rule.
  void OnLinked(const RequestPtr& call) { habits_.OnLinked(call); }
  [[nodiscard]] Verdict Ask(const Request& client, const OpenRequests& open) const;

 private:
  // What was seen of an adopted thread: the first request it read that is over.
  struct Past {
    uint64_t read_ns = 0;
    uint64_t connection = 0;
    bool blocking = false;
    bool trusted = false;
  };
  static constexpr uint64_t kLongestTurnNs = 1'000'000'000;

  const size_t max_threads_;
  std::unordered_map<ThreadKey, Past, ThreadKeyHash> adopted_;
  ReaderHabits habits_;
};

}  // namespace tracelet::span
