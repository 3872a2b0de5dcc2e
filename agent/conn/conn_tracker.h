// The table of connections: gives each event to its connection, each stretch of
// bytes to that connection's parser, and accounts for every event exactly once.
// One thread. Time is what the events and OnWatermark say.
//
//   OPEN   enters a connection; one with the same socket address is gone
//   DATA   ByteStream finds gaps; the first bytes choose the parser, or show that
//          the connection is of no interest, which is told to the source. Plaintext of a
//          TLS library begins the connection anew, and its ciphertext is ignored
//   CLOSE  ends a direction or the connection. A connection that is reset, or closed
//          while a request is open, stays for kLinger: data that had arrived can still
//          be read, and of calls that had not returned the DATA comes later
//   EXIT   ends the process's Unix sockets, which have no CLOSE. So does what the
//          other end reads: end of file
//
// Bounded by config::Conn.max_connections; the one unused for longest goes first.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "agent/base/counters.h"
#include "agent/conn/byte_stream.h"
#include "agent/conn/connection.h"
#include "agent/conn/loop_causes.h"
#include "agent/conn/thread_losses.h"
#include "agent/protocol/protocol.h"
#include "config/config.h"

namespace tracelet::conn {

// Why an event was consumed and told nothing.
enum class IgnoreReason : uint8_t {
  kPeek,            // MSG_PEEK: the bytes come again
  kNotHttp,         // no protocol that is known here
  kNoConnection,    // its OPEN was lost, or it was closed or evicted
  kDuplicate,       // bytes or a connection seen before
  kUnsynchronised,  // events were lost before it: what it belongs to is not known
  kUnknownKind,
  kCiphertext,  // of a connection whose plaintext is seen
  kCount,
};
std::string_view Name(IgnoreReason reason);

// consumed == used + ignored, at any time.
struct EventLedger {
  uint64_t used = 0;
  Counters<IgnoreReason> ignored;
};

class ConnTracker {
 public:
  static constexpr uint64_t kSecondNs = 1'000'000'000;
  static constexpr uint64_t kLingerNs = kSecondNs;
  static constexpr int kMaxTurns = 8;          // changes of direction without a known protocol
  static constexpr int kMaxTurnsAdopted = 64;  // of an older connection: its frames take longer to be known as such

  using Ignore = std::function<void(const conn_id&, bool encrypted)>;

  // `sink` must outlive the tracker. `ignore` is called for a connection of no interest: once, and if it is
  // `encrypted`, for its plaintext.
  ConnTracker(const config::Config& config, ConnectionSink& sink, Ignore ignore);
  ~ConnTracker();

  void OnEvent(const event_header& event);
  void OnWatermark(uint64_t monotonic_ns);
  // There will be no more events: what only waited for silence is complete.
  void Finish();

  // Every request that goes on. Looks at all connections.
  void ForEachOpen(const std::function<void(const protocol::OpenExchange&)>& tell) const;

  [[nodiscard]] const EventLedger& ledger() const { return ledger_; }
  [[nodiscard]] size_t size() const { return table_.size(); }
  [[nodiscard]] uint64_t evicted() const { return evicted_; }
  // Requests of which nothing is told, because too many were open on their connection.
  [[nodiscard]] uint64_t unfollowed() const { return unfollowed_; }

 private:
  class Connection;
  using Table = std::list<Connection>;  // the one used last comes first

  struct Timer {
    uint64_t due_ns;
    uint64_t sock;
    uint64_t number;
  };

  void Ignored(IgnoreReason reason) { ledger_.ignored.Add(reason); }
  void OnOpen(const event_open& event);
  void OnData(const event_data& event);
  void OnClose(const event_close& event);
  void OnExit(const event_header& event);
  // A TLS library is seen at work on the connection: what came before says nothing.
  void BeginPlaintext(Connection& connection, const event_data& event);
  void OnBytes(Connection& connection, const event_data& event, uint32_t lost);
  // What event loops write because of what they read.
  void NoteSent(Connection& connection, const event_data& event);
  void NoteRead(const Connection& connection, const event_data& event, size_t open_before);
  // The first bytes, or the first after a change of direction, choose the parser.
  std::optional<IgnoreReason> ChooseParser(Connection& connection, Direction direction, const Chunk& chunk);
  void MakeParser(Connection& connection, const protocol::Protocol& protocol, protocol::ParserOptions options);
  // The programs see frames where the parser knows of none: the connection has changed its protocol.
  void HandOver(Connection& connection, Direction direction, std::string_view bytes);
  void NotInteresting(Connection& connection);
  void OnEndOfFile(Connection& connection, const event_data& event);
  void OnBroken(Connection& connection, uint64_t time_ns, int error);
  void Watch(Connection& connection, uint64_t now_ns);
  void RunTimers(uint64_t now_ns);

  Connection* Find(const conn_id& id);
  Connection* Find(const Timer& timer);
  Connection* Peer(const Connection& connection);
  void Erase(Connection& connection);

  const config::Config config_;
  ConnectionSink& sink_;
  const Ignore ignore_;
  Table table_;
  std::unordered_map<uint64_t, Table::iterator> by_sock_;
  std::unordered_map<uint32_t, Connection*> unix_by_inode_;
  ThreadLosses losses_;
  LoopCauses causes_;
  std::deque<Timer> quiet_;   // connections that may have an exchange whose end is not seen
  std::deque<Timer> linger_;  // closed ones that may have data left
  EventLedger ledger_;
  uint64_t next_number_ = 1;
  uint64_t evicted_ = 0;
  uint64_t unfollowed_ = 0;
};

}  // namespace tracelet::conn
