#include "agent/source/conn_sweep.h"

namespace tracelet::source {
namespace {

// Changes when the entry is used: by another connection, or to move bytes.
uint64_t Fingerprint(const conn_state& state) {
  uint64_t mixed = state.id.inode;
  mixed = mixed * 0x9e3779b97f4a7c15ULL + (uint64_t{state.id.tx_base} << 32 | state.id.rx_base);
  mixed = mixed * 0x9e3779b97f4a7c15ULL + state.direction[DIRECTION_RX].next;
  mixed = mixed * 0x9e3779b97f4a7c15ULL + state.direction[DIRECTION_TX].next;
  return mixed;
}

}  // namespace

bool ConnSweep::Expired(uint64_t name, const conn_state& state, uint64_t now_ns, bool crowded) {
  const bool dying = state.closing == CONN_DYING;
  const bool idle_unix = crowded && (state.status & CONN_UNIX) != 0;
  if (!dying && !idle_unix) return false;
  Seen& seen = seen_[name];
  const uint64_t fingerprint = Fingerprint(state);
  if (seen.pass == 0 || seen.fingerprint != fingerprint) seen = {fingerprint, now_ns, pass_};
  seen.pass = pass_;
  return now_ns - seen.since_ns >= (dying ? kDyingNs : kIdleUnixNs);
}

void ConnSweep::EndPass() {
  std::erase_if(seen_, [this](const auto& entry) { return entry.second.pass != pass_; });
  ++pass_;
}

}  // namespace tracelet::source
