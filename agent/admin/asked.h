// Text that one thread makes when another asks for it, so that numbers are read by
// the thread that writes them and need no lock. The owner calls AnswerIfAsked in its
// loop: nearly free while nobody asks.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>

namespace tracelet::admin {

class Asked {
 public:
  using Clock = std::chrono::steady_clock;

  // Any thread. The newest text; one that is old when the owner does not answer in time.
  std::string Ask(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    const uint64_t before = answers_;
    asked_ = true;
    answered_.wait_for(lock, patience, [&] { return answers_ != before; });
    return text_;
  }

  // The owner. make() returns the text.
  template <typename Make>
  void AnswerIfAsked(Make&& make) {
    beat_ = Clock::now().time_since_epoch().count();
    if (!asked_.exchange(false)) return;
    std::string text = make();
    const std::lock_guard lock(mutex_);
    text_ = std::move(text);
    ++answers_;
    answered_.notify_all();
  }

  // How long ago the owner came by; any thread.
  [[nodiscard]] Clock::duration Silence() const {
    return Clock::now() - Clock::time_point(Clock::duration(beat_.load()));
  }

 private:
  std::mutex mutex_;
  std::condition_variable answered_;
  std::atomic<bool> asked_{false};
  std::atomic<Clock::rep> beat_{Clock::now().time_since_epoch().count()};
  uint64_t answers_ = 0;
  std::string text_;
};

}  // namespace tracelet::admin
