#include "agent/source/bpf_connections.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <span>

namespace tracelet::source {
namespace {

// The pages of the map that hold these places, for as long as this lives: all of them would count as resident memory.
class Places {
 public:
  Places(int map_fd, uint32_t first, uint32_t count) {
    static_assert(sizeof(conn_slot) % 8 == 0);  // as the kernel lays elements out (kernel/bpf/arraymap.c)
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t begin = size_t{first} * sizeof(conn_slot);
    const size_t skipped = begin % page;
    bytes_ = (skipped + size_t{count} * sizeof(conn_slot) + page - 1) / page * page;
    memory_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, static_cast<off_t>(begin - skipped));
    if (memory_ == MAP_FAILED) return;
    slots_ = {reinterpret_cast<conn_slot*>(static_cast<std::byte*>(memory_) + skipped), count};
  }
  ~Places() {
    if (memory_ != MAP_FAILED) munmap(memory_, bytes_);
  }
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;

  // None when there was no memory to map them with.
  [[nodiscard]] std::span<conn_slot> slots() const { return slots_; }

 private:
  void* memory_ = MAP_FAILED;
  size_t bytes_ = 0;
  std::span<conn_slot> slots_;
};

bool SameConnection(const conn_id& one, const conn_id& other) {
  return one.sock == other.sock && one.tx_base == other.tx_base && one.rx_base == other.rx_base;
}

// As conn_end() of bpf/conns.h.
void Free(conn_slot& slot) {
  slot.state.file = 0;
  std::atomic_ref(slot.name).store(0);
  std::atomic_ref(slot.claims).fetch_sub(1);
}

}  // namespace

BpfConnections::BpfConnections(int map_fd, uint32_t capacity) : map_fd_(map_fd), bits_(Bits(capacity)) {}

uint32_t BpfConnections::Bits(uint32_t capacity) { return static_cast<uint32_t>(std::bit_width(capacity - 1)); }

void BpfConnections::Ignore(const conn_id& conn, bool encrypted) {
  const bool is_unix = conn.tx_base == 0 && conn.rx_base == 0;  // see struct conn_id
  const uint64_t name = is_unix ? conn.inode : conn.sock;
  const Places places(map_fd_, CONN_FIRST(name, bits_), CONN_WAYS);
  for (conn_slot& slot : places.slots()) {
    if (slot.name != name || !SameConnection(slot.state.id, conn)) continue;
    // That was its ciphertext: its plaintext is seen by now.
    if (!encrypted && (slot.state.status & CONN_TLS) != 0) return;
    std::atomic_ref(slot.state.status).fetch_or(CONN_IGNORED);
    return;
  }
}

void BpfConnections::Sweep(uint64_t now_ns) {
  const uint32_t all = (1U << bits_) + CONN_WAYS;
  if (cursor_ == 0 && now_ns < next_pass_ns_) return;
  if (cursor_ == 0) next_pass_ns_ = now_ns + kPassNs;
  const uint32_t count = std::min(kStep, all - cursor_);
  const Places places(map_fd_, cursor_, count);
  for (conn_slot& slot : places.slots()) {
    if (slot.name == 0) continue;
    ++met_;
    if (!sweep_.Expired(slot.name, slot.state, now_ns, crowded_)) continue;
    Free(slot);
    ++swept_;
  }
  cursor_ += count;
  if (cursor_ < all) return;
  cursor_ = 0;
  sweep_.EndPass();
  crowded_ = met_ > all / 2;
  met_ = 0;
  if (!crowded_ && !sweep_.watching()) next_pass_ns_ += kQuietPassNs - kPassNs;
}

}  // namespace tracelet::source
