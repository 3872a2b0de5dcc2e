// Loop rule: an event loop that runs each callback to its end makes a call for what the
// callback has read. That is a request, or the answer to an earlier call of a request.
// The kernel says what was read last, and when that is no cause (bpf/loop.h), only for
// threads whose runtime is known and probed: nginx, Node.
//
// What would look the same and is not, so it is refused:
//   pool of connections  the call goes out on the connection whose answer was just read:
//                        it may have waited for it, whoever wanted it
//   queue                an answer may also set free what another request has queued, now or
//                        long ago (a limiter's leftover jobs). So answers cause calls only for
//                        a request that began when nothing else was under way in the process,
//                        no request and no call, and has been the only one since: a limiter
//                        with something left to do had then been at it. Timers, other
//                        protocols and the thread pool may queue something too: with none since
//   multiplexing         an HTTP/2 session may write later what several callbacks left to it
//   pipelining           several requests or answers came in one read
//   over                 the request that was read has been answered
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "agent/span/rules/verdict.h"

namespace tracelet::span {

class LoopRule {
 public:
  // Remembers the last call on at most so many connections; then starts over, which only refuses more.
  explicit LoopRule(size_t max_calls) : max_calls_(max_calls) {}

  // `open`: the others.
  void OnServerStart(const RequestPtr& server, const OpenRequests& open);
  // It is over, or may be.
  void OnServerEnd(const Request& server);
  // Calls under way, linked or not.
  void OnCallStart(const Request& call);
  void OnCallEnd(const Request& call);
  // `call` was linked to `parent`: its answer is read for the same request.
  void OnLinked(const Request& call, const Request& parent);
  // The request of this process that began when nothing else was under way, and has been the only one since; or null.
  [[nodiscard]] const Request* Alone(const process::ProcessKey& process) const;
  [[nodiscard]] Verdict Ask(const Request& client, const OpenRequests& open) const;

 private:
  struct Call {
    uint64_t exchange = 0;
    uint64_t parent_connection = 0;
    uint64_t parent_exchange = 0;
  };
  struct InProcess {
    size_t calls = 0;                // under way
    const Request* alone = nullptr;  // the request that is the only one since it began
    bool loop = false;               // a thread that has read a request runs a loop that is understood
  };
  // The open request of this exchange; null when it is over.
  [[nodiscard]] RequestPtr Open(uint64_t connection, uint64_t exchange) const;
  void ForgetQuiet();
  [[nodiscard]] Verdict AskAnswered(const RequestStart& call, const OpenRequests& open) const;

  const size_t max_calls_;
  std::unordered_map<uint64_t, RequestPtr> servers_;              // the latest open one of a loop, by connection
  std::unordered_map<uint64_t, Call> calls_;                      // the latest, by connection
  std::unordered_map<process::ProcessKey, InProcess> processes_;  // in which something is, or was, under way
  Places places_;                                                 // of these
};

}  // namespace tracelet::span
