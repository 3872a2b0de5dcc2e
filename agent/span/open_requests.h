// The requests that the stitcher knows, and an index of the server's ones that are
// open now: the parents that a call can have.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/base/rare.h"
#include "agent/span/held_span.h"
#include "agent/span/places.h"
#include "agent/span/request_start.h"
#include "agent/span/trace_node.h"

namespace tracelet::span {

// One request from its head until its span is passed on.
struct Request {
  // `ids`: of its name.
  Request(RequestStart&& known, const RequestIds& ids);

  RequestStart start;
  TraceNode node;
  LinkRule link = LinkRule::kNone;  // how the parent of `node`, or start.context, was found
  LinkRefusal refused = LinkRefusal::kNone;
  bool thread_trusted = false;   // server: see ThreadRule
  bool awaited_by_peer = false;  // client: another agent will ask for its trace again
  bool passed_on = false;
  bool joined = false;                                       // an SDK's span stands for it
  Rare<Link> sdk_link;                                       // or is about the same request, in another trace
  Rare<std::vector<std::shared_ptr<TraceNode>>> candidates;  // when refused; not empty
  uint64_t received_ns = 0;              // client: its server had the first byte, CLOCK_MONOTONIC; 0 unknown
  SpanId remote_parent;                  // kPeer: the parent; kNoAnswer: what it would have been
  std::unique_ptr<const HeldSpan> span;  // once it has ended
  uint64_t final_ns = 0;                 // watermark at which it is final
};
using RequestPtr = std::shared_ptr<Request>;

// Its place in a trace, which others may need for longer.
inline std::shared_ptr<TraceNode> NodeOf(const RequestPtr& request) { return {request, &request->node}; }

// A thread for as long as the machine runs, though its tid may be used again.
struct ThreadKey {
  process::ProcessKey process;
  uint32_t tid = 0;
  uint32_t thread_start = 0;
  bool operator==(const ThreadKey&) const = default;
};
inline ThreadKey ThreadOf(const conn::Operation& operation) {
  return {.process = operation.process, .tid = operation.tid, .thread_start = operation.thread_start};
}

// It waited for listening sockets, if for anything: accepted, read, and called in one go.
inline bool AcceptedItself(const RequestStart& server) {
  return server.accept_tid != 0 && server.accept_tid == server.first.tid && server.accept_waits == server.first.waits;
}

struct ThreadKeyHash {
  size_t operator()(const ThreadKey& key) const {
    return std::hash<process::ProcessKey>{}(key.process) ^
           (uint64_t{key.thread_start} << 32 | key.tid) * 0x9e3779b97f4a7c15ULL;
  }
};

class OpenRequests {
 public:
  void Add(const RequestPtr& server);
  void Remove(const Request& server);
  // It may be over, or not: what its thread does from now on need not be for it.
  void Release(const Request& server);

  // A request began, or ended, that was not remembered because the table was full.
  void AddUnknown() { ++unknown_; }
  void RemoveUnknown() { unknown_ -= unknown_ > 0 ? 1 : 0; }
  // False while some are open that are not in here: "the only one" proves nothing.
  [[nodiscard]] bool Complete() const { return unknown_ == 0; }

  // Whose first byte this thread read.
  [[nodiscard]] std::span<const RequestPtr> OnThread(const ThreadKey& thread) const;
  // That came to this process with this trace id and parent id.
  [[nodiscard]] std::span<const RequestPtr> WithContext(const process::ProcessKey& process,
                                                        const TraceContext& context) const;
  [[nodiscard]] size_t CountIn(const process::ProcessKey& process) const;
  // Of these, heads that more than one thread read: which of them has it now is unknown.
  [[nodiscard]] size_t SharedIn(const process::ProcessKey& process) const;

 private:
  struct ContextKey {
    process::ProcessKey process;
    TraceId trace_id;
    SpanId parent_id;
    bool operator==(const ContextKey&) const = default;
  };
  struct ContextKeyHash {
    size_t operator()(const ContextKey& key) const {
      return std::hash<process::ProcessKey>{}(key.process) ^ key.trace_id.low ^ key.parent_id.value;
    }
  };
  struct InProcess {
    size_t open = 0;
    size_t shared = 0;
  };

  std::unordered_map<ThreadKey, std::vector<RequestPtr>, ThreadKeyHash> by_thread_;
  std::unordered_map<ContextKey, std::vector<RequestPtr>, ContextKeyHash> by_context_;
  std::unordered_map<process::ProcessKey, InProcess> by_process_;
  Places threads_;
  Places processes_;
  uint64_t unknown_ = 0;
};

}  // namespace tracelet::span
