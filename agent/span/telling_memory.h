// What other agents were promised: the traces of calls whose spans were passed on, because
// an agent that was told "not yet" asks again. Bounded; the oldest goes first. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>

#include "agent/span/peer_link.h"

namespace tracelet::span {

class TellingMemory {
 public:
  explicit TellingMemory(size_t max) : max_(max) {}

  void Remember(const MessageName& name, const PeerAnswer& answer) {
    if (!answers_.insert_or_assign(name, answer).second) return;
    order_.push_back(name);
    if (order_.size() > max_) Forget();
  }
  // Null when nothing was promised.
  [[nodiscard]] const PeerAnswer* Find(const MessageName& name) const {
    const auto found = answers_.find(name);
    return found == answers_.end() ? nullptr : &found->second;
  }

 private:
  void Forget() {
    answers_.erase(order_.front());
    order_.pop_front();
  }

  const size_t max_;
  std::unordered_map<MessageName, PeerAnswer> answers_;
  std::deque<MessageName> order_;
};

}  // namespace tracelet::span
