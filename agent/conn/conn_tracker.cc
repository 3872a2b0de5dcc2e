#include "agent/conn/conn_tracker.h"

#include <algorithm>
#include <array>

#include "agent/conn/from_event.h"
#include "agent/conn/tracked_connection.h"

namespace tracelet::conn {

std::string_view Name(IgnoreReason reason) {
  static constexpr std::array<std::string_view, static_cast<size_t>(IgnoreReason::kCount)> kNames = {
      "peek", "not_http", "no_connection", "duplicate", "unsynchronised", "unknown_kind", "ciphertext"};
  return kNames[static_cast<size_t>(reason)];
}

ConnTracker::ConnTracker(const config::Config& config, ConnectionSink& sink, Ignore ignore)
    : config_(config),
      sink_(sink),
      ignore_(std::move(ignore)),
      losses_(config.source.max_threads),
      causes_(config.source.max_threads, config.conn.max_connections) {}

ConnTracker::~ConnTracker() = default;

void ConnTracker::OnEvent(const event_header& event) {
  switch (event.kind) {
    case EVENT_OPEN:
      return OnOpen(reinterpret_cast<const event_open&>(event));
    case EVENT_DATA:
      return OnData(reinterpret_cast<const event_data&>(event));
    case EVENT_CLOSE:
      return OnClose(reinterpret_cast<const event_close&>(event));
    case EVENT_EXIT:
      return OnExit(event);
    case EVENT_CONNECT:
      causes_.OnConnect(reinterpret_cast<const event_connect&>(event));
      ++ledger_.used;
      return;
    case EVENT_EXEC:  // the source has told it by OnProcess
    case EVENT_MAPPED:
      ++ledger_.used;
      return;
    default:
      Ignored(IgnoreReason::kUnknownKind);
  }
}

ConnTracker::Connection* ConnTracker::Find(const conn_id& id) {
  const auto found = by_sock_.find(id.sock);
  if (found == by_sock_.end()) return nullptr;
  Connection& connection = *found->second;
  const conn_id& known = connection.info.id;
  const bool same = known.inode == id.inode && known.tx_base == id.tx_base && known.rx_base == id.rx_base;
  return same ? &connection : nullptr;
}

ConnTracker::Connection* ConnTracker::Find(const Timer& timer) {
  const auto found = by_sock_.find(timer.sock);
  return found == by_sock_.end() || found->second->info.number != timer.number ? nullptr : &*found->second;
}

ConnTracker::Connection* ConnTracker::Peer(const Connection& connection) {
  if (!connection.info.is_unix() || connection.info.peer_inode == 0) return nullptr;
  const auto found = unix_by_inode_.find(connection.info.peer_inode);
  return found == unix_by_inode_.end() || found->second == &connection ? nullptr : found->second;
}

void ConnTracker::Erase(Connection& connection) {
  if (connection.info.is_unix()) {
    const auto found = unix_by_inode_.find(connection.info.id.inode);
    if (found != unix_by_inode_.end() && found->second == &connection) unix_by_inode_.erase(found);
  }
  by_sock_.erase(connection.info.id.sock);
  table_.erase(connection.self);
}

void ConnTracker::OnOpen(const event_open& event) {
  if (Find(event.conn) != nullptr) return Ignored(IgnoreReason::kDuplicate);
  ++ledger_.used;
  const auto old = by_sock_.find(event.conn.sock);
  if (old != by_sock_.end()) {
    Connection& gone = *old->second;
    if (gone.closed || gone.info.is_unix()) {
      OnBroken(gone, gone.closed ? gone.closed_ns : event.header.time_ns, gone.error);
    } else {  // its CLOSE was lost
      if (gone.parser) gone.parser->OnAbandon();
      Erase(gone);
    }
  }
  if (table_.size() >= config_.conn.max_connections && !table_.empty()) {
    ++evicted_;
    if (table_.back().parser) table_.back().parser->OnAbandon();
    Erase(table_.back());
  }

  Connection& connection = table_.emplace_front(sink_, unfollowed_);
  connection.self = table_.begin();
  connection.used_ns = event.header.time_ns;
  connection.info = MakeInfo(event, next_number_++);
  connection.connect_cause = causes_.TakeConnect(event);
  by_sock_[event.conn.sock] = connection.self;
  connection.joined = connection.info.adopted();
  if (connection.joined) {
    for (ByteStream& stream : connection.streams) stream.StartAnywhere();
  }
  if (!connection.info.is_unix()) return;
  unix_by_inode_[event.conn.inode] = &connection;
  // The end that connected did not know who would accept it.
  if (Connection* peer = Peer(connection)) peer->info.peer_inode = event.conn.inode;
}

void ConnTracker::OnData(const event_data& event) {
  const uint32_t lost = losses_.Update(event);
  causes_.OnRead(event, {.kind = LoopCause::Kind::kOther});
  Connection* connection = Find(event.conn);
  if (connection == nullptr) return Ignored(IgnoreReason::kNoConnection);
  const bool plaintext = (event.flags & DATA_PLAINTEXT) != 0;
  if (plaintext && !connection->info.records) BeginPlaintext(*connection, event);
  if (!plaintext && event.length > 0 && connection->info.records) return Ignored(IgnoreReason::kCiphertext);
  if (connection->not_interesting) return Ignored(IgnoreReason::kNotHttp);
  if ((event.flags & DATA_PEEK) != 0) return Ignored(IgnoreReason::kPeek);

  const uint64_t now = event.header.time_ns;
  connection->used_ns = now;
  table_.splice(table_.begin(), table_, connection->self);
  const process::ProcessKey user{event.header.tgid, event.header.tgid_start_ns};
  connection->shared |= connection->user.tgid != 0 && connection->user != user;
  connection->user = user;

  if (event.length > 0) {
    OnBytes(*connection, event, lost);
    return Watch(*connection, now);
  }
  ++ledger_.used;
  if ((event.flags & DATA_EOF) != 0) {
    OnEndOfFile(*connection, event);
  } else if ((event.flags & DATA_ERROR) != 0) {
    connection->error = event.error;
    // What had arrived before a reset can still be read after a failed write.
    if (event.direction != DIRECTION_RX) return;
    // Another thread's call may have moved bytes and not returned; a client that has asked waits for none.
    const bool asked = connection->info.role == ROLE_CLIENT && connection->Busy();
    if (asked || !connection->closed) return OnBroken(*connection, now, event.error);
    connection->closed_ns = now;
  }
}

void ConnTracker::BeginPlaintext(Connection& connection, const event_data& event) {
  if (connection.parser) connection.parser->OnAbandon();
  connection.parser.reset();
  connection.not_interesting = connection.data_seen = false;
  connection.info.events_lost = connection.info.offsets_doubtful = false;
  connection.turns = 0;
  connection.info.records = std::make_shared<RecordPositions>();
  auto endpoints = std::make_shared<Endpoints>(*connection.info.endpoints);
  endpoints->encrypted = true;
  connection.info.endpoints = std::move(endpoints);
  connection.joined = event.offset >= PLAINTEXT_JOINED;
  for (ByteStream& stream : connection.streams) {
    stream = ByteStream();
    if (connection.joined) stream.StartAnywhere();
  }
}

void ConnTracker::OnBytes(Connection& connection, const event_data& event, uint32_t lost) {
  const auto direction = event.direction == DIRECTION_TX ? Direction::kSend : Direction::kReceive;
  ByteStream& stream = connection.stream(direction);
  const ByteStream::Verdict verdict = stream.Accept(event.offset, event.length);
  const bool disordered = verdict == ByteStream::Verdict::kOverlap || (event.flags & DATA_GAP_BEFORE) != 0;
  if (disordered) connection.DoubtOffsets();
  if (disordered || verdict == ByteStream::Verdict::kGap) {
    connection.info.events_lost = true;
    const uint64_t next = verdict == ByteStream::Verdict::kOverlap ? stream.next() : event.offset;
    if (connection.parser) connection.parser->OnGap(direction, next);
  }
  if (verdict == ByteStream::Verdict::kOverlap) return Ignored(IgnoreReason::kDuplicate);
  if (connection.info.records) connection.info.records->Note(direction, event.offset, event.length, event.record);

  const bool stale = (event.flags & DATA_STALE) != 0;
  const std::string_view bytes(reinterpret_cast<const char*>(event.bytes), stale ? 0 : event.captured);
  Operation operation = MakeOperation(event, lost);
  operation.any_lost = losses_.OfAny();
  if (event.evidence_type == EVIDENCE_HANDOVER) {
    operation.giver_lost =
        losses_.Of(static_cast<uint32_t>(event.evidence >> 32), static_cast<uint32_t>(event.evidence),
                   static_cast<uint32_t>(event.evidence_parent));
  }
  const Chunk chunk{event.offset, event.length, bytes, operation, (event.flags & DATA_FRAME) != 0};
  if (!connection.parser) {
    if (const auto reason = ChooseParser(connection, direction, chunk)) return Ignored(*reason);
    if (verdict == ByteStream::Verdict::kGap) connection.parser->OnGap(direction, event.offset);
  } else if (chunk.frame && !connection.protocol->framed) {
    HandOver(connection, direction, bytes);
  }
  connection.info.go_cause = GoCauseOf(event);
  const size_t open_before = connection.open_exchanges();
  if (event.evidence_type != EVIDENCE_NONE) NoteSent(connection, event);
  const bool used = connection.parser->OnChunk(direction, chunk);
  if (event.evidence_type != EVIDENCE_NONE) NoteRead(connection, event, open_before);
  if (connection.parser->NotMine()) {
    NotInteresting(connection);
    Ignored(IgnoreReason::kNotHttp);
  } else if (used) {
    ++ledger_.used;
  } else {
    Ignored(IgnoreReason::kUnsynchronised);
  }
}

void ConnTracker::NoteSent(Connection& connection, const event_data& event) {
  LoopCause& cause = connection.info.cause;
  if (event.direction == DIRECTION_TX) {
    const LoopCause now = causes_.Of(event, connection.connect_cause);
    // What is sent in several writes, or pipelined, has one cause or none.
    cause = connection.sent_last && cause != now ? LoopCause{.kind = LoopCause::Kind::kDeferred} : now;
  }
  connection.sent_last = event.direction == DIRECTION_TX;
}

void ConnTracker::NoteRead(const Connection& connection, const event_data& event, size_t open_before) {
  LoopCause cause{LoopCause::Kind::kRead, connection.info.number, connection.last_exchange()};
  if (connection.info.events_lost) cause.kind = LoopCause::Kind::kLost;
  if (std::max(open_before, connection.open_exchanges()) > 1) cause.kind = LoopCause::Kind::kPipelined;
  causes_.OnRead(event, cause);
}

std::optional<IgnoreReason> ConnTracker::ChooseParser(Connection& connection, Direction direction, const Chunk& chunk) {
  const std::string_view bytes = chunk.bytes;
  const bool first = !connection.data_seen;
  const bool turned = !first && connection.last_direction != direction;
  const bool start = first && !connection.joined && !connection.info.events_lost;
  connection.data_seen = true;
  connection.last_direction = direction;
  if (turned && ++connection.turns > (connection.joined ? kMaxTurnsAdopted : kMaxTurns)) {
    NotInteresting(connection);
    return IgnoreReason::kNotHttp;
  }
  const bool head_possible = start || turned || chunk.frame || (first && connection.joined);
  if (bytes.empty() || !head_possible) return IgnoreReason::kUnsynchronised;

  const auto& protocols = protocol::Registry();
  const auto found = std::find_if(protocols.begin(), protocols.end(), [&](const protocol::Protocol& one) {
    return one.looks_like(bytes) || (chunk.frame && one.framed);
  });
  if (found != protocols.end()) {
    protocol::ParserOptions options;
    if (!start) options.joined = first ? protocol::Joined::kIdle : protocol::Joined::kMiddle;
    MakeParser(connection, *found, options);
    return std::nullopt;
  }
  if (!start) return IgnoreReason::kUnsynchronised;
  NotInteresting(connection);
  return IgnoreReason::kNotHttp;
}

void ConnTracker::HandOver(Connection& connection, Direction direction, std::string_view bytes) {
  const auto& protocols = protocol::Registry();
  const auto framed = std::ranges::find_if(protocols, &protocol::Protocol::framed);
  if (framed == protocols.end()) return;
  protocol::ParserOptions options{.joined = protocol::Joined::kMiddle};
  options.upgraded = connection.parser->TakeUpgraded();
  if (options.upgraded) {
    // The first to speak the new protocol begins it as the first bytes of a connection do. Only a
    // server's can be behind others already, in the operation that moved the last head.
    const bool client = framed->looks_like(bytes) && bytes.starts_with('P');
    options.requests = client == (direction == Direction::kSend) ? Direction::kSend : Direction::kReceive;
    if (!client) options.joined = protocol::Joined::kStart;
  }
  connection.parser->OnAbandon();
  MakeParser(connection, *framed, std::move(options));
}

void ConnTracker::MakeParser(Connection& connection, const protocol::Protocol& protocol,
                             protocol::ParserOptions options) {
  options.max_head_bytes = config_.http.max_head_bytes;
  options.max_outstanding = config_.http.max_outstanding;
  options.max_streams = config_.http.max_streams;
  options.progress_ns = config_.http.progress_s * kSecondNs;
  if (connection.info.role == ROLE_CLIENT) options.requests = Direction::kSend;
  if (connection.info.role == ROLE_SERVER) options.requests = Direction::kReceive;
  connection.protocol = &protocol;
  connection.parser = protocol.make(connection, options);
}

void ConnTracker::NotInteresting(Connection& connection) {
  connection.parser.reset();
  connection.not_interesting = true;
  if (ignore_) ignore_(connection.info.id, connection.info.records != nullptr);
}

void ConnTracker::OnEndOfFile(Connection& connection, const event_data& event) {
  const uint64_t now = event.header.time_ns;
  if (connection.stream(Direction::kReceive).EndsAt(event.offset)) {
    connection.info.events_lost = true;
    if (connection.parser) connection.parser->OnGap(Direction::kReceive, event.offset);
  }
  if (connection.parser) connection.parser->OnEnd(Direction::kReceive, now);
  if (!connection.info.is_unix()) return;
  // Unix sockets have no CLOSE: one end's end of file is the other end's last word.
  Connection* peer = Peer(connection);
  if (peer != nullptr && peer->parser) peer->parser->OnEnd(Direction::kSend, now);
  if (connection.Busy() || (peer != nullptr && peer->Busy())) return;
  if (peer != nullptr) OnBroken(*peer, now, 0);
  OnBroken(connection, now, 0);
}

// The connection is over.
void ConnTracker::OnBroken(Connection& connection, uint64_t time_ns, int error) {
  connection.MissEnds();
  if (connection.parser) connection.parser->OnClose(time_ns, error);
  Erase(connection);
}

void ConnTracker::OnClose(const event_close& event) {
  Connection* connection = Find(event.conn);
  if (connection == nullptr) return Ignored(IgnoreReason::kNoConnection);
  ++ledger_.used;
  const uint64_t now = event.header.time_ns;
  connection->ends[DIRECTION_TX] = event.tx_end;
  connection->ends[DIRECTION_RX] = event.rx_end;
  if (event.how == CLOSE_LOCAL_FIN) {
    connection->MissEnds();
    if (connection->parser) connection->parser->OnEnd(Direction::kSend, now);
    return;
  }
  if (event.error != 0) connection->error = event.error;
  // A reset does not wait for calls to return: even a request may be told only now.
  if (!connection->Busy() && event.error == 0) return OnBroken(*connection, now, connection->error);
  connection->closed = true;
  connection->closed_ns = now;
  linger_.push_back({now + kLingerNs, event.conn.sock, connection->info.number});
}

void ConnTracker::OnExit(const event_header& event) {
  ++ledger_.used;
  if (unix_by_inode_.empty()) return;
  const process::ProcessKey gone{event.tgid, event.tgid_start_ns};
  for (auto it = unix_by_inode_.begin(); it != unix_by_inode_.end();) {
    Connection& connection = *(it++)->second;
    if (connection.shared || connection.user != gone) continue;
    OnBroken(connection, event.time_ns, 0);
  }
}

// The end of some exchanges is that nothing more comes.
void ConnTracker::Watch(Connection& connection, uint64_t now_ns) {
  if (connection.quiet_watched || !connection.parser || !connection.parser->AwaitsQuiet()) return;
  connection.quiet_watched = true;
  quiet_.push_back({now_ns + config_.http.quiet_end_ms * 1'000'000, connection.info.id.sock, connection.info.number});
}

void ConnTracker::RunTimers(uint64_t now_ns) {
  while (!linger_.empty() && linger_.front().due_ns <= now_ns) {
    Connection* connection = Find(linger_.front());
    linger_.pop_front();
    if (connection != nullptr) OnBroken(*connection, connection->closed_ns, connection->error);
  }
  const uint64_t quiet_ns = config_.http.quiet_end_ms * 1'000'000;
  while (!quiet_.empty() && quiet_.front().due_ns <= now_ns) {
    Connection* connection = Find(quiet_.front());
    quiet_.pop_front();
    if (connection == nullptr) continue;
    connection->quiet_watched = false;
    if (!connection->parser || !connection->parser->AwaitsQuiet()) continue;
    if (connection->used_ns + quiet_ns <= now_ns) {
      connection->parser->OnQuiet();
    } else {
      Watch(*connection, connection->used_ns);
    }
  }
}

void ConnTracker::OnWatermark(uint64_t monotonic_ns) {
  RunTimers(monotonic_ns);
  while (!table_.empty() && table_.back().used_ns + config_.conn.idle_close_s * kSecondNs < monotonic_ns) {
    if (table_.back().parser) table_.back().parser->OnAbandon();
    Erase(table_.back());
  }
}

void ConnTracker::ForEachOpen(const std::function<void(const protocol::OpenExchange&)>& tell) const {
  for (const Connection& connection : table_) {
    if (connection.Busy()) connection.parser->ForEachOpen(tell);
  }
}

void ConnTracker::Finish() {
  for (Connection& connection : table_) {
    if (!connection.parser) continue;
    if (connection.closed) {
      connection.MissEnds();
      connection.parser->OnClose(connection.closed_ns, connection.error);
    } else {
      connection.parser->OnQuiet();
    }
  }
}

}  // namespace tracelet::conn
