// Thread rule: a thread that blocks in the read of a request and then writes a call while
// that request is the only open one it has read, makes the call for it.
//
// What would look the same and is not, so it is refused:
//   event loop    it waits for many connections and may write what another thread or an
//                 earlier request wanted. Any wait in the thread's life makes it one, except
//                 that of a worker that waits for listening sockets only: it accepted the
//                 connection itself, and has not waited since.
//   two requests  pipelined, or read by a dispatcher that hands over: ambiguous
//   hand-over     the writer has read no open request: no evidence
//   shared head   several threads read some open request's head: who has it is unknown
//   adopted       the thread is older than the agent, so it may be in the middle of an
//                 event loop's turn, or hold requests that nobody saw. Trusted from the
//                 second request on, if it read the first one in the same way and that
//                 one was over: a loop has to wait in between, and is caught by that.
//   lost event    anything the thread did between the read and the call was lost
#pragma once

#include <cstddef>
#include <unordered_set>

#include "agent/span/rules/verdict.h"

namespace tracelet::span {

class ThreadRule {
 public:
  // Remembers at most so many adopted threads; then starts over, which only refuses more.
  explicit ThreadRule(size_t max_threads) : max_threads_(max_threads) {}

  void OnServerStart(Request& server) const;
  void OnServerEnd(const Request& server);
  [[nodiscard]] Verdict Ask(const Request& client, const OpenRequests& open) const;

 private:
  const size_t max_threads_;
  std::unordered_set<ThreadKey, ThreadKeyHash> trusted_;
};

}  // namespace tracelet::span
