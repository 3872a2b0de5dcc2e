// Python rule: the thread that makes the call has entered a context of a family that belongs to
// one connection of a server (bpf/python.h), and exactly one request is open on it.
//
// What would look the same and is not, so it is refused:
//   left over      the context was made for an earlier request of the connection: its branch
//                  is older than the request that is open now
//   over           no request of the connection is open
//   two requests   HTTP/2, or pipelined, or one that came while another was open: whose the
//                  context is, is not known
//   a worker       coroutines that a request starts may go on for ever and take any request's jobs out of a
//                  queue. They show when they call after it is over: then what they called while others were
//                  open is taken back, if it is still held. One call or two are left to background tasks
//   multiplexing   an HTTP/2 call is written by whichever coroutine comes first
//   lost event     of the connection, or of the thread, so that another request may have been missed.
//                  That the request's thread lost any is seen by its next event only: a call that
//                  another thread made meanwhile is taken back then, if it is still held
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "agent/span/places.h"
#include "agent/span/rules/held_calls.h"
#include "agent/span/rules/verdict.h"

namespace tracelet::span {

class PythonRule {
 public:
  void OnServerStart(const RequestPtr& server);
  // It is over, or may be.
  void OnServerEnd(const Request& server);
  // Returns calls that were linked, and may have been made for other requests.
  std::vector<RequestPtr> OnCallStart(const Request& call);
  // `call` was linked to `parent`, by this rule.
  void OnLinked(const RequestPtr& call, const RequestPtr& parent, const OpenRequests& open);
  // It is over. Returns the calls that were linked to it and, as events were lost, may be the next request's.
  std::vector<RequestPtr> OnServerOver(const Request& server, bool events_lost);
  [[nodiscard]] Verdict Ask(const Request& client, const OpenRequests& open) const;

 private:
  // A family, or a branch of one. Not used twice in a process.
  struct Number {
    process::ProcessKey process;
    uint64_t value = 0;
    bool operator==(const Number&) const = default;
  };
  struct NumberHash {
    size_t operator()(const Number& number) const {
      return std::hash<process::ProcessKey>{}(number.process) ^ number.value * 0x9e3779b97f4a7c15ULL;
    }
  };
  struct Open {
    std::vector<RequestPtr> requests;
    bool met = false;  // two of these were open at once
  };
  // The calls of a branch, for one request, that were made while others were open.
  struct Branch {
    RequestPtr server;
    HeldCalls calls;
    uint32_t left_behind = 0;  // calls since it is over
  };

  static constexpr size_t kBranchesKept = 63;  // each keeps requests

  [[nodiscard]] bool IsOpen(const Request& server) const;

  std::unordered_map<Number, Open, NumberHash> families_;    // those with open requests only
  std::unordered_map<Number, Branch, NumberHash> branches_;  // those with calls that are open or held
  Places places_{kBranchesKept};                             // of branches
  // Calls that other threads than the request's made for it.
  std::unordered_map<const Request*, HeldCalls> elsewhere_;
};

}  // namespace tracelet::span
