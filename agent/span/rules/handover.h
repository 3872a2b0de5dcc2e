// Hand-over rule: a thread that blocks in the read of a request gives a job to a worker of an
// executor, and the worker makes the call while it does that job. Which job it does is known by
// the job itself (bpf/python.h), so the pool may be as busy as it likes; here it is only looked
// up what its giver had open.
//
// What would look the same and is not, so it is refused:
//   two requests  the giver had others open at the same time: a dispatcher
//   over          the request has been answered, or the giver has read another one since it gave the job
//   event loop    as in rules/thread.h: the giver waits for many connections
//   shared head, adopted, lost event   likewise
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "agent/span/rules/verdict.h"

namespace tracelet::span {

class HandoverRule {
 public:
  // Also after ThreadRule's, which says whether its thread can be trusted.
  void OnServerStart(const RequestPtr& server);
  // It is over, or may be.
  void OnServerEnd(const Request& server);
  [[nodiscard]] Verdict Ask(const Request& client, const OpenRequests& open) const;

 private:
  struct Open {
    std::vector<RequestPtr> requests;
    bool met = false;  // two of these were open at once
  };
  std::unordered_map<ThreadKey, Open, ThreadKeyHash>
      open_;  // of threads of CPython that block; those with open requests only
};

}  // namespace tracelet::span
