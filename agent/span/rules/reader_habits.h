// Whether the threads of a process that read requests also answer them, each its own.
//
// The thread rule takes it that a thread which has read a request works for it until it is
// answered. In a pool whose threads hand requests on to each other it does not: after the read
// it takes any other job, in a busy pool without a system call. But then requests are answered
// by other threads than those that read them. From the first one on, no call of the process is
// linked by its thread, and those that were, and are still held (config::Span.hold_ms after
// their end), are taken back.
//
// A read that does not block is what Tomcat's workers do, and what loops do, and schedulers of
// coroutines (.NET, virtual threads), of which one thread may serve all. Such a reader counts in a
// process that has shown kEnough requests each answered by its reader while another was open, on
// another thread, and never two open on one, nor any read by a thread that waits for many.
//
// Bounded: a process more than max_processes is not trusted. Capture thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "agent/span/held_span.h"
#include "agent/span/open_requests.h"
#include "agent/span/rules/held_calls.h"

namespace tracelet::span {

class ReaderHabits {
 public:
  static constexpr uint32_t kEnough = 32;

  explicit ReaderHabits(size_t max_processes) : max_processes_(max_processes) {}

  // Why a call that the reader of `server` makes is not known to be for it.
  [[nodiscard]] LinkRefusal Doubt(const RequestStart& server) const;
  // The call was linked by its thread.
  void OnLinked(const RequestPtr& call);
  // A server's request was answered; `open`: the others. Returns the calls that were linked and should not have been.
  std::vector<RequestPtr> OnAnswered(const RequestStart& server, Answerer by, const OpenRequests& open);

 private:
  struct Habit {
    uint32_t answered = 0;  // by their readers, which did not block, while others were open
    bool hands_on = false;
    bool loops = false;
    HeldCalls linked;
  };
  Habit* Of(const process::ProcessKey& process);

  const size_t max_processes_;
  std::unordered_map<process::ProcessKey, Habit> habits_;
};

}  // namespace tracelet::span
