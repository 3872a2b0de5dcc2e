// Tables of whom something is under way for. A thread or a process that has had a request mostly gets
// another: it keeps its place until there are many that are not in use.
#pragma once

#include <algorithm>
#include <cstddef>
#include <unordered_map>

namespace tracelet::span {

class Places {
 public:
  static constexpr size_t kKept = 1'024;

  // `kept`: this many, idle or not; fewer where what they hold is large.
  explicit Places(size_t kept = kKept) : kept_(kept) {}

  // Gives up the places that are `idle` when there are more than the limit, which then grows
  // with those that are not, so that the work stays in proportion.
  template <typename Map, typename Idle>
  void Sweep(Map& map, Idle idle) {
    if (map.size() <= limit_) return;
    std::erase_if(map, [&](const auto& entry) { return idle(entry.second); });
    limit_ = std::max(kept_, 2 * map.size());
  }

 private:
  size_t kept_;
  size_t limit_ = kept_;
};

// What is remembered of `key`, at most `max` of a kind: those that are `dispensable` make room. Null when there is
// none.
template <typename Map, typename Dispensable>
typename Map::mapped_type* Remember(Map& map, size_t max, const typename Map::key_type& key, Dispensable dispensable) {
  const auto found = map.find(key);
  if (found != map.end()) return &found->second;
  if (map.size() >= max) {
    std::erase_if(map, [&](const auto& entry) { return dispensable(entry.second); });
  }
  return map.size() < max ? &map[key] : nullptr;
}

}  // namespace tracelet::span
