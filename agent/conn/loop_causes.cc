#include "agent/conn/loop_causes.h"

namespace tracelet::conn {
namespace {

using Kind = LoopCause::Kind;

LoopCause Because(Kind kind) { return {.kind = kind}; }

Kind KindOf(uint64_t evidence) {
  switch (evidence >> 32) {
    case LOOP_READ:
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
  if (reads_.size() >= max_threads_ && !reads_.contains(event.header.tid)) reads_.clear();
  reads_[event.header.tid] = Read{event.header.thread_start, static_cast<uint32_t>(event.evidence), cause};
}

LoopCause LoopCauses::Resolve(const event_header& header, uint64_t evidence) const {
  const Kind kind = KindOf(evidence);
  if (kind != Kind::kRead) return Because(kind);
  const auto last = reads_.find(header.tid);
  const bool known = last != reads_.end() && last->second.thread_start == header.thread_start &&
                     last->second.turn == static_cast<uint32_t>(evidence);
  return known ? last->second.cause : Because(Kind::kLost);
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
