// An entry of ConnTracker's table: a connection's streams, its parser, and what was seen of it. Only conn_tracker.cc's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "agent/conn/conn_tracker.h"

namespace tracelet::conn {

class ConnTracker::Connection : public protocol::ExchangeSink {
 public:
  Connection(ConnectionSink& sink, uint64_t& unfollowed) : sink_(sink), unfollowed_(unfollowed) {}
  Connection(const Connection&) = delete;

  void OnRequest(Direction direction, const protocol::Exchange& exchange) override {
    last_exchange_ = exchange.id;
    ++open_exchanges_;
    sink_.OnRequest(info, direction, exchange);
  }
  void OnOpenEndedResponse(Direction, const protocol::Exchange& exchange) override {
    sink_.OnOpenEndedResponse(info, exchange);
  }
  void OnExchange(Direction direction, protocol::Exchange&& exchange) override {
    if (exchange.outcome == protocol::Outcome::kComplete && exchange.id > doubted_exchange_) {
      info.offsets_doubtful = false;
    }
    --open_exchanges_;
    sink_.OnExchange(info, direction, std::move(exchange));
  }

  void OnUnfollowed() override { ++unfollowed_; }

  void DoubtOffsets() {
    info.offsets_doubtful = true;
    doubted_exchange_ = last_exchange_;
  }
  [[nodiscard]] bool Busy() const { return parser != nullptr && parser->Busy(); }
  [[nodiscard]] uint64_t last_exchange() const { return last_exchange_; }
  [[nodiscard]] size_t open_exchanges() const { return open_exchanges_; }
  // Bytes that its CLOSE counted and that never came are lost.
  void MissEnds() {
    for (const Direction direction : {Direction::kSend, Direction::kReceive}) {
      const uint64_t end = ends[static_cast<size_t>(direction)];
      if (!stream(direction).EndsAt(end)) continue;
      info.events_lost = true;
      if (parser) parser->OnGap(direction, end);
    }
  }
  ByteStream& stream(Direction direction) { return streams[static_cast<size_t>(direction)]; }

  ConnectionInfo info;
  ByteStream streams[2];
  uint64_t ends[2] = {};                         // by direction; what CLOSE said
  const protocol::Protocol* protocol = nullptr;  // parser's
  std::unique_ptr<protocol::ConnectionParser> parser;
  Table::iterator self;
  process::ProcessKey user;  // that moved bytes last
  bool shared = false;       // several processes did
  bool not_interesting = false;
  bool data_seen = false;
  bool joined = false;  // something may have moved before
  bool quiet_watched = false;
  Direction last_direction = Direction::kReceive;
  int turns = 0;
  LoopCause connect_cause;  // kNone unless it was made by a loop
  bool sent_last = false;   // data moved, and in that direction last
  int error = 0;
  bool closed = false;
  uint64_t closed_ns = 0;
  uint64_t used_ns = 0;

 private:
  ConnectionSink& sink_;
  uint64_t& unfollowed_;  // the tracker's
  uint64_t last_exchange_ = 0;
  size_t open_exchanges_ = 0;
  uint64_t doubted_exchange_ = 0;
};

}  // namespace tracelet::conn
