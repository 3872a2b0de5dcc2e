// How many events of each thread were lost, from the count that every DATA event
// carries: the rules must know whether two operations of a thread are neighbours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "bpf/events.h"

namespace tracelet::conn {

class ThreadLosses {
 public:
  explicit ThreadLosses(size_t max_threads) : max_threads_(max_threads) {}

  // Call for every DATA event. Equal results for two events of one thread: none was lost between.
  uint32_t Update(const event_data& event);
  // Equal after two events: of no thread was any found lost between.
  [[nodiscard]] uint32_t OfAny() const { return of_any_; }
  // The result for the thread's event `attempts`, as long as no later one was lost; empty: it may have been lost, too.
  [[nodiscard]] std::optional<uint32_t> Of(uint32_t tid, uint32_t start, uint32_t attempts) const;

 private:
  struct Thread {
    uint32_t start = 0;
    uint32_t attempts = 0;
    uint32_t lost = 0;
  };
  const size_t max_threads_;
  std::unordered_map<uint32_t, Thread> threads_;  // by tid; emptied when full
  uint32_t epoch_ = 0;                            // what a thread begins with: unlike anything it had before
  uint32_t of_any_ = 0;
};

inline uint32_t ThreadLosses::Update(const event_data& event) {
  if (event.attempts == 0) {
    ++of_any_;
    return ++epoch_;
  }
  if (threads_.size() >= max_threads_ && !threads_.contains(event.header.tid)) {
    threads_.clear();
    epoch_ += 1u << 16;
    ++of_any_;
  }
  Thread& thread = threads_[event.header.tid];
  if (thread.attempts == 0 || thread.start != event.header.thread_start) {
    thread = Thread{.start = event.header.thread_start, .attempts = event.attempts, .lost = epoch_};
    return thread.lost;
  }
  const uint32_t lost = event.attempts - thread.attempts - 1;
  of_any_ += lost;
  thread.lost += lost;
  thread.attempts = event.attempts;
  return thread.lost;
}

inline std::optional<uint32_t> ThreadLosses::Of(uint32_t tid, uint32_t start, uint32_t attempts) const {
  const auto found = threads_.find(tid);
  if (found == threads_.end() || found->second.start != start) return std::nullopt;
  const auto missing = static_cast<int32_t>(attempts - found->second.attempts);
  return missing > 0 ? std::nullopt : std::optional(found->second.lost);
}

}  // namespace tracelet::conn
