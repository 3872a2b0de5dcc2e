#include "agent/span/open_requests.h"

namespace tracelet::span {
namespace {

template <typename Map, typename Key>
auto Erase(Map& map, const Key& key, const Request& request) {
  const auto found = map.find(key);
  if (found == map.end()) return found;
  std::erase_if(found->second, [&](const RequestPtr& other) { return other.get() == &request; });
  return found;
}

template <typename Map, typename Key>
std::span<const RequestPtr> Find(const Map& map, const Key& key) {
  const auto found = map.find(key);
  return found == map.end() ? std::span<const RequestPtr>() : std::span<const RequestPtr>(found->second);
}

}  // namespace

Request::Request(RequestStart&& known, const RequestIds& ids)
    : start(std::move(known)),
      node(start.kind == Kind::kClient ? ids.client : ids.server, start.context ? start.context->trace_id : ids.trace,
           static_cast<bool>(start.context)) {
  if (start.context) node.SetSampled(start.context->sampled);
}

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
  processes_.Sweep(by_process_, [](const InProcess& one) { return one.open == 0; });
}

void OpenRequests::Release(const Request& server) {
  Erase(by_thread_, ThreadOf(server.start.first), server);
  threads_.Sweep(by_thread_, [](const std::vector<RequestPtr>& open) { return open.empty(); });
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
