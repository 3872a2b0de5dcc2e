#include "agent/source/bpf_connections.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <cstring>

namespace tracelet::source {
namespace {

bool SameConnection(const conn_id& one, const conn_id& other) {
  return one.sock == other.sock && one.tx_base == other.tx_base && one.rx_base == other.rx_base;
}

}  // namespace

BpfConnections::BpfConnections(int map_fd, uint32_t capacity)
    : map_fd_(map_fd), capacity_(capacity), keys_(kStep), states_(kStep) {}

void BpfConnections::Ignore(const conn_id& conn, bool encrypted) {
  const bool is_unix = conn.tx_base == 0 && conn.rx_base == 0;  // see struct conn_id
  const conn_key key{is_unix ? conn.inode : conn.sock};
  conn_state state;
  if (bpf_map_lookup_elem(map_fd_, &key, &state) != 0 || !SameConnection(state.id, conn)) return;
  if (!encrypted && (state.status & CONN_TLS) != 0) return;  // that was its ciphertext: its plaintext is seen by now
  state.status |= CONN_IGNORED;
  state.closing = 1;  // which this may have undone
  bpf_map_update_elem(map_fd_, &key, &state, BPF_EXIST);
}

void BpfConnections::Sweep(uint64_t now_ns) {
  if (!in_pass_ && now_ns < next_pass_ns_) return;
  if (!in_pass_) next_pass_ns_ = now_ns + kPassNs;
  uint32_t count = kStep;
  uint64_t next = 0;
  const int failed = bpf_map_lookup_batch(map_fd_, in_pass_ ? &cursor_ : nullptr, &next, keys_.data(), states_.data(),
                                          &count, nullptr);
  if (failed != 0 && errno != ENOENT) count = 0;  // ENOENT: these were the last
  for (uint32_t i = 0; i < count; ++i) Judge(keys_[i], states_[i], now_ns);
  met_ += count;
  cursor_ = next;
  in_pass_ = failed == 0;
  if (in_pass_) return;
  sweep_.EndPass();
  crowded_ = met_ > capacity_ / 2;
  met_ = 0;
  if (!crowded_ && !sweep_.watching()) next_pass_ns_ += kQuietPassNs - kPassNs;
}

void BpfConnections::Judge(const conn_key& key, const conn_state& state, uint64_t now_ns) {
  if (!sweep_.Expired(key, state, now_ns, crowded_)) return;
  conn_state now;
  if (bpf_map_lookup_elem(map_fd_, &key, &now) != 0 || std::memcmp(&now, &state, sizeof(now)) != 0) return;
  if (bpf_map_delete_elem(map_fd_, &key) == 0) ++swept_;
}

}  // namespace tracelet::source
