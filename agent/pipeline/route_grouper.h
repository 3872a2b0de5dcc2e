// Paths -> routes: "/orders/4711/items" -> "/orders/{id}/items", so that span names
// are few. A segment becomes {id} when it looks made by a machine: numbers, UUIDs,
// ULIDs, long hexadecimal, e-mail addresses, tokens that are mostly digits or mix
// digits with both cases. Everything else stays, up to `max_routes` names per
// service; what comes after that is "/{other}". One thread.
//
// Bounded: kMaxServices services, kMaxRouteBytes per name, kCacheSlots recent paths.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace tracelet::pipeline {

class RouteGrouper {
 public:
  static constexpr size_t kMaxServices = 512;
  static constexpr size_t kMaxRouteBytes = 200;
  static constexpr size_t kCacheSlots = 512;  // a power of two
  static constexpr std::string_view kOther = "/{other}";

  explicit RouteGrouper(size_t max_routes);

  // `path` without scheme and authority; a query is ignored.
  std::string Route(const std::string& service, std::string_view path);

  // How often a path had a name and no room was left for it.
  [[nodiscard]] uint64_t overflowed() const { return overflowed_; }

 private:
  struct Recent {
    std::string service;
    std::string path;
    std::string route;
  };
  std::string Admit(const std::string& service, std::string route);

  const size_t max_routes_;
  std::unordered_map<std::string, std::unordered_set<std::string>> routes_;
  std::vector<Recent> cache_;
  uint64_t overflowed_ = 0;
};

// True for a path segment that names one thing of many.
bool IsIdSegment(std::string_view segment);

}  // namespace tracelet::pipeline
