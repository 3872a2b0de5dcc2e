// Goroutine rule: the goroutine that reads a request makes calls for it, and so do those that it
// starts, and they start, while it does. The programs say which read of whom that was
// (bpf/go.h); here it is only looked up.
//
// What would look the same and is not, so it is refused:
//   queue         a goroutine has waited for a channel, a condition or a select since it was
//                 started: it may have been given another request's work
//   no evidence   it was started before any request, or unseen, or forgotten; or by a worker
//   two requests  pipelined, or read by one goroutine that hands them over: ambiguous; so is one of HTTP/2, if who
//                 serves it does not say which stream that is
//   over          the request has been answered: a goroutine that is left behind goes on with it
//   unsupported   a Go program that cannot be followed; threads say nothing of goroutines
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "agent/span/rules/verdict.h"

namespace tracelet::span {

class GoroutineRule {
 public:
  void OnServerStart(const RequestPtr& server);
  // It may be over: the next request that its goroutine reads is not a second one.
  void OnServerReleased(const Request& server);
  void OnServerEnd(const Request& server);
  [[nodiscard]] Verdict Ask(const Request& client, const OpenRequests& open) const;

 private:
  // A read of a goroutine, or, with turn 0, the goroutine.
  struct Key {
    process::ProcessKey process;
    uint64_t owner = 0;
    uint64_t turn = 0;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const {
      return std::hash<process::ProcessKey>{}(key.process) ^ (key.owner * 0x9e3779b97f4a7c15ULL + key.turn);
    }
  };
  using Index = std::unordered_map<Key, std::vector<RequestPtr>, KeyHash>;
  static void Erase(Index& index, const Key& key, const Request& server);

  Index by_read_;   // open requests
  Index by_owner_;  // of these, those that are not released
};

}  // namespace tracelet::span
