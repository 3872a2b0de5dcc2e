// Calls that a rule has linked by something that may turn out to prove nothing: what is to be
// taken back then. Forgets those that were passed on; so it is bounded by what the stitcher
// holds and has open. Capture thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "agent/span/open_requests.h"

namespace tracelet::span {

class HeldCalls {
 public:
  void Add(const RequestPtr& call) {
    if (calls_.size() >= sweep_at_) {
      std::erase_if(calls_, [](const RequestPtr& one) { return one->passed_on; });
      sweep_at_ = std::max(kFew, 2 * calls_.size());
    }
    calls_.push_back(call);
  }
  std::vector<RequestPtr> Take() { return std::exchange(calls_, {}); }
  // None of them can be taken back any more.
  [[nodiscard]] bool PassedOn() const {
    return std::ranges::all_of(calls_, [](const RequestPtr& one) { return one->passed_on; });
  }
  [[nodiscard]] bool empty() const { return calls_.empty(); }

 private:
  static constexpr size_t kFew = 32;
  std::vector<RequestPtr> calls_;
  size_t sweep_at_ = kFew;
};

}  // namespace tracelet::span
