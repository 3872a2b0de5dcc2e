#include "agent/span/open_requests.h"

#include <algorithm>

namespace tracelet::span {
namespace {

template <typename Map, typename Key>
auto Erase(Map& map, const Key& key, const Request& request) {
  const auto found = map.find(key);
  if (found == map.end()) return found;
  std::erase_if(found->second, [&](const RequestPtr& other) { return other.get() == &request; });
  return found;
}

// Gives up the places that are not in use when there are more than `limit`, which then grows
// with those that are, so that the work stays in proportion.
template <typename Map, typename Idle>
void Sweep(Map& map, size_t& limit, size_t kept, Idle idle) {
  if (map.size() <= limit) return;
  std::erase_if(map, [&](const auto& entry) { return idle(entry.second); });
  limit = std::max(kept, 2 * map.size());
}

template <typename Map, typename Key>
std::span<const RequestPtr> Find(const Map& map, const Key& key) {
  const auto found = map.find(key);
  return found == map.end() ? std::span<const RequestPtr>() : std::span<const RequestPtr>(found->second);
}

}  // namespace

void OpenRequests::Add(const RequestPtr& server) {
  const RequestStart& start = server->start;
  by_thread_[ThreadOf(start.first)].push_back(server);
  if (start.context) {
    by_context_[{start.first.process, start.context->trace_id, start.context->parent_id}].push_back(server);
  }
  InProcess& count = by_process_[start.first.process];
  ++count.open;
  count.shared += start.one_thread ? 0 : 1;
}

void OpenRequests::Remove(const Request& server) {
  const RequestStart& start = server.start;
  Release(server);
  if (start.context) {
    const auto same =
        Erase(by_context_, ContextKey{start.first.process, start.context->trace_id, start.context->parent_id}, server);
    if (same != by_context_.end() && same->second.empty()) by_context_.erase(same);
  }
  const auto count = by_process_.find(start.first.process);
  if (count == by_process_.end()) return;
  --count->second.open;
  count->second.shared -= start.one_thread ? 0 : 1;
  Sweep(by_process_, max_processes_, kKept, [](const InProcess& one) { return one.open == 0; });
}

void OpenRequests::Release(const Request& server) {
  Erase(by_thread_, ThreadOf(server.start.first), server);
  Sweep(by_thread_, max_threads_, kKept, [](const std::vector<RequestPtr>& open) { return open.empty(); });
}

std::span<const RequestPtr> OpenRequests::OnThread(const ThreadKey& thread) const { return Find(by_thread_, thread); }

std::span<const RequestPtr> OpenRequests::WithContext(const process::ProcessKey& process,
                                                      const TraceContext& context) const {
  return Find(by_context_, ContextKey{process, context.trace_id, context.parent_id});
}

size_t OpenRequests::CountIn(const process::ProcessKey& process) const {
  const auto found = by_process_.find(process);
  return found == by_process_.end() ? 0 : found->second.open;
}

size_t OpenRequests::SharedIn(const process::ProcessKey& process) const {
  const auto found = by_process_.find(process);
  return found == by_process_.end() ? 0 : found->second.shared;
}

}  // namespace tracelet::span
