// The pods of this node, by the two things that a control group says: the pod's uid,
// which the API server knows before the pod's first process runs, and the container's
// id, which it learns about a second later.
//
// Any thread. Bounded by config::Kubernetes.max_pods; a pod that is gone is still known
// for kKeepGone, because spans are passed on after their end.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "agent/kubernetes/pod.h"

namespace tracelet::kubernetes {

class PodTable {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kKeepGone{60};

  explicit PodTable(size_t max_pods) : max_pods_(max_pods) {}

  void Put(Pod pod, Clock::time_point now);
  void Remove(const std::string& uid, Clock::time_point now);
  // A whole list begins; what is not put until it has ended is gone.
  void BeginList();
  void EndList(Clock::time_point now);

  // Null when neither is known.
  [[nodiscard]] std::shared_ptr<const Pod> Find(std::string_view uid, std::string_view container_id) const;
  // Changes with every change of the table.
  [[nodiscard]] uint64_t version() const { return version_; }
  [[nodiscard]] size_t size() const;
  // Pods that did not fit.
  [[nodiscard]] uint64_t refused() const { return refused_; }

 private:
  struct Entry {
    std::shared_ptr<const Pod> pod;
    uint64_t list = 0;  // that it was in last
    bool gone = false;
  };

  void MarkGone(const std::string& uid, Entry& entry, Clock::time_point now);
  void Index(const Pod& pod);
  void Unindex(const Pod& pod);
  void Forget(Clock::time_point now);

  const size_t max_pods_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entry> pods_;          // by uid
  std::unordered_map<std::string, std::string> others_;  // container id or static uid -> uid
  std::deque<std::pair<Clock::time_point, std::string>> gone_;
  uint64_t list_ = 0;
  std::atomic<uint64_t> version_{1};
  std::atomic<uint64_t> refused_{0};
};

// The container of that id; where the id is not known yet, the only one there is. Null: which of several is not known.
const Container* ContainerOf(const Pod& pod, std::string_view container_id);

}  // namespace tracelet::kubernetes
