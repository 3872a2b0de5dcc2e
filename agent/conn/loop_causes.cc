#include "agent/conn/loop_causes.h"

namespace tracelet::conn {
namespace {

using Kind = LoopCause::Kind;

LoopCause Because(Kind kind) { return {.kind = kind}; }

Kind KindOf(uint64_t evidence) {
  switch (evidence >> 32) {
    case LOOP_READ:
    case LOOP_STREAM:
      return Kind::kRead;
    case LOOP_WAITED:
      return Kind::kWaited;
    case LOOP_TIMER:
      return Kind::kTimer;
    case LOOP_POOL:
      return Kind::kPool;
    case LOOP_OTHER:
      return Kind::kOther;
    default:
      return Kind::kDeferred;
  }
}

}  // namespace

void LoopCauses::OnRead(const event_data& event, const LoopCause& cause) {
  if (event.evidence_type != EVIDENCE_LOOP || event.direction != DIRECTION_RX) return;
  if (KindOf(event.evidence) != Kind::kRead) return;
  const auto turn = static_cast<uint32_t>(event.evidence);
  const Read read{.tid = event.header.tid, .thread_start = event.header.thread_start, .turn = turn, .cause = cause};
  if (event.evidence >> 32 == LOOP_STREAM) {
    if (streams_.empty()) streams_.resize(kStreamReads);
    streams_[StreamPlace(read.tid, turn)] = read;
    return;
  }
  if (reads_.size() >= max_threads_ && !reads_.contains(event.header.tid)) reads_.clear();
  reads_[event.header.tid] = read;
}

size_t LoopCauses::StreamPlace(uint32_t tid, uint32_t turn) { return (tid * 0x9e3779b1U + turn) % kStreamReads; }

LoopCause LoopCauses::Resolve(const event_header& header, uint64_t evidence) const {
  const Kind kind = KindOf(evidence);
  if (kind != Kind::kRead) return Because(kind);
  const auto turn = static_cast<uint32_t>(evidence);
  const Read* read = nullptr;
  if (evidence >> 32 == LOOP_STREAM) {
    if (!streams_.empty()) read = &streams_[StreamPlace(header.tid, turn)];
  } else if (const auto last = reads_.find(header.tid); last != reads_.end()) {
    read = &last->second;
  }
  const bool known =
      read != nullptr && read->tid == header.tid && read->thread_start == header.thread_start && read->turn == turn;
  return known ? read->cause : Because(Kind::kLost);
}

LoopCause LoopCauses::Of(const event_data& event, const LoopCause& connected) const {
  if (event.evidence_type != EVIDENCE_LOOP) return {};
  if (event.evidence >> 32 != LOOP_CONNECTED) return Resolve(event.header, event.evidence);
  return event.offset == 0 ? connected : Because(Kind::kDeferred);
}

void LoopCauses::OnConnect(const event_connect& event) {
  if (connects_.size() >= max_connects_ && !connects_.contains(event.conn.sock)) connects_.clear();
  connects_[event.conn.sock] = Connect{event.conn.inode, Resolve(event.header, event.evidence)};
}

LoopCause LoopCauses::TakeConnect(const event_open& event) {
  const auto made = connects_.extract(event.conn.sock);
  if (made.empty() || made.mapped().inode != event.conn.inode) return Because(Kind::kLost);
  return made.mapped().cause;
}

}  // namespace tracelet::conn
