// Paths come from the network: routes are bounded in length and number, and stable.
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "agent/pipeline/route_grouper.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using tracelet::pipeline::RouteGrouper;
  constexpr size_t kMaxRoutes = 4;
  RouteGrouper grouper(kMaxRoutes);
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::set<std::string> routes;
  while (!text.empty()) {
    const std::string_view path = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), path.size() + 1));
    const std::string route = grouper.Route("service", std::string(path));
    if (route.empty() || route.size() > RouteGrouper::kMaxRouteBytes) std::abort();
    if (grouper.Route("service", std::string(path)) != route) std::abort();
    routes.insert(route);
  }
  if (routes.size() > kMaxRoutes + 1) std::abort();
  return 0;
}
