// Which exchange made an event loop's thread do what it does: the one that its last read
// was part of, see bpf/loop.h. Knows only what is still the latest: a cause is resolved
// when its event comes. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "bpf/events.h"

namespace tracelet::conn {

struct LoopCause {
  enum class Kind : uint8_t {
    kNone,    // the thread is not known to run a loop that is understood
    kRead,    // `exchange` of `connection`
    kWaited,  // nothing since the loop's wait
    kTimer,
    kDeferred,   // work of an earlier callback
    kPool,       // a thread pool's result
    kOther,      // something that is no request and no response
    kPipelined,  // a read of a connection on which several exchanges were open
    kLost,       // events were lost
  };
  Kind kind = Kind::kNone;
  uint64_t connection = 0;  // ConnTracker's number
  uint64_t exchange = 0;    // protocol::Exchange::id
  bool operator==(const LoopCause&) const = default;
};

class LoopCauses {
 public:
  // Remembers at most so many threads and connections; then starts over, which only refuses more.
  LoopCauses(size_t max_threads, size_t max_connects) : max_threads_(max_threads), max_connects_(max_connects) {}

  // A received event, and what its bytes were part of.
  void OnRead(const event_data& event, const LoopCause& cause);
  void OnConnect(const event_connect& event);

  // Why its thread wrote this. `connected`: the cause of the connection's connect().
  [[nodiscard]] LoopCause Of(const event_data& event, const LoopCause& connected) const;
  // The cause of the connect() that made this connection; kLost when that was not seen.
  LoopCause TakeConnect(const event_open& event);

 private:
  // Of the threads of proxies, whose streams go on with what was read a while ago; older ones are forgotten.
  static constexpr size_t kStreamReads = 16'384;

  struct Read {
    uint32_t tid = 0;
    uint32_t thread_start = 0;
    uint32_t turn = 0;
    LoopCause cause;
  };
  struct Connect {
    uint32_t inode = 0;
    LoopCause cause;
  };
  [[nodiscard]] LoopCause Resolve(const event_header& header, uint64_t evidence) const;
  [[nodiscard]] static size_t StreamPlace(uint32_t tid, uint32_t turn);

  const size_t max_threads_;
  const size_t max_connects_;
  std::unordered_map<uint32_t, Read> reads_;        // the last of each thread, by tid
  std::vector<Read> streams_;                       // by StreamPlace(); empty until there are any
  std::unordered_map<uint64_t, Connect> connects_;  // by address of the socket, until it is open
};

}  // namespace tracelet::conn
