// Follows one kind of object: lists it, then hears of every change ("Efficient detection
// of changes", Kubernetes API concepts). A stream that ends is taken up at the version
// that was heard last; only when the server has forgotten that version (410 Gone) is
// listed again. Bookmarks keep the version fresh while nothing happens.
//
// One thread of its own; the handler's functions run on it. Stop() ends it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <thread>

#include "agent/kubernetes/api_client.h"
#include "config/config.h"

namespace tracelet::kubernetes {

struct WatchHandler {
  std::function<void(const nlohmann::json& object)> put;     // new or changed
  std::function<void(const nlohmann::json& object)> remove;  // gone
  std::function<void()> begin_list;                          // what is not put until end_list is gone
  std::function<void()> end_list;
};

struct WatchNumbers {
  uint64_t lists = 0;
  uint64_t streams = 0;
  uint64_t events = 0;
  uint64_t failures = 0;
  bool connected = false;
};

class Watch {
 public:
  using Clock = std::chrono::steady_clock;
  // The server ends a stream after this long; it says something (a bookmark) about every minute.
  static constexpr std::chrono::seconds kStream{60};
  static constexpr std::chrono::seconds kSilence{75};

  // `path`: "/api/v1/pods". `query`: "fieldSelector=...", or empty.
  Watch(const config::Kubernetes& config, std::string path, std::string query, WatchHandler handler);
  ~Watch() { Stop(); }

  void Stop();

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] WatchNumbers numbers() const;
  // How long ago it lost the server; zero while it hears it.
  [[nodiscard]] Clock::duration AwayFor() const;
  // True once a first list was read.
  [[nodiscard]] bool listed() const { return lists_ > 0; }

 private:
  enum class Outcome : uint8_t { kGoOn, kGone, kFailed };

  void Run();
  Outcome List();
  Outcome Stream();
  Outcome OnLine(std::string_view line);
  [[nodiscard]] std::string Path(const std::string& more) const;
  void Heard();
  void Failed(const std::string& doing, const Answer& answer);
  void Pause();

  const config::Kubernetes config_;
  const std::string path_;
  const std::string query_;
  const WatchHandler handler_;
  ApiClient client_;
  std::string version_;  // empty: to be listed
  uint32_t failures_in_a_row_ = 0;

  std::atomic<uint64_t> lists_{0};
  std::atomic<uint64_t> streams_{0};
  std::atomic<uint64_t> events_{0};
  std::atomic<uint64_t> failures_{0};
  std::atomic<Clock::rep> away_since_;  // 0: not away

  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tracelet::kubernetes
