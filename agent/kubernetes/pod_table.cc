#include "agent/kubernetes/pod_table.h"

#include <utility>

namespace tracelet::kubernetes {

void PodTable::Index(const Pod& pod) {
  if (!pod.static_uid.empty()) others_[pod.static_uid] = pod.uid;
  for (const Container& container : pod.containers) {
    if (!container.id.empty()) others_[container.id] = pod.uid;
  }
}

void PodTable::Unindex(const Pod& pod) {
  const auto erase = [&](const std::string& key) {
    const auto found = others_.find(key);
    if (found != others_.end() && found->second == pod.uid) others_.erase(found);
  };
  erase(pod.static_uid);
  for (const Container& container : pod.containers) erase(container.id);
}

void PodTable::Put(Pod pod, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  Forget(now);
  if (pods_.size() >= max_pods_ && !pods_.contains(pod.uid)) {
    ++refused_;
    return;
  }
  Entry& entry = pods_[pod.uid];
  if (entry.pod) Unindex(*entry.pod);
  entry = {std::make_shared<const Pod>(std::move(pod)), list_, false};
  Index(*entry.pod);
  ++version_;
}

void PodTable::MarkGone(const std::string& uid, Entry& entry, Clock::time_point now) {
  if (std::exchange(entry.gone, true)) return;
  gone_.emplace_back(now, uid);
}

void PodTable::Remove(const std::string& uid, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  const auto found = pods_.find(uid);
  if (found != pods_.end()) MarkGone(uid, found->second, now);
  Forget(now);
}

void PodTable::BeginList() {
  const std::lock_guard lock(mutex_);
  ++list_;
}

void PodTable::EndList(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  for (auto& [uid, entry] : pods_) {
    if (entry.list != list_) MarkGone(uid, entry, now);
  }
  Forget(now);
}

void PodTable::Forget(Clock::time_point now) {
  for (; !gone_.empty() && gone_.front().first + kKeepGone <= now; gone_.pop_front()) {
    const auto found = pods_.find(gone_.front().second);
    if (found == pods_.end() || !found->second.gone) continue;
    Unindex(*found->second.pod);
    pods_.erase(found);
    ++version_;
  }
}

std::shared_ptr<const Pod> PodTable::Find(std::string_view uid, std::string_view container_id) const {
  const std::lock_guard lock(mutex_);
  for (const std::string_view key : {uid, container_id}) {
    if (key.empty()) continue;
    const std::string text(key);
    const auto other = others_.find(text);
    const auto found = pods_.find(other == others_.end() ? text : other->second);
    if (found != pods_.end()) return found->second.pod;
  }
  return nullptr;
}

size_t PodTable::size() const {
  const std::lock_guard lock(mutex_);
  return pods_.size();
}

const Container* ContainerOf(const Pod& pod, std::string_view container_id) {
  for (const Container& container : pod.containers) {
    if (!container_id.empty() && container.id == container_id) return &container;
  }
  const bool one = pod.containers.size() == 1 && pod.long_running == 1;
  return one ? &pod.containers.front() : nullptr;
}

}  // namespace tracelet::kubernetes
