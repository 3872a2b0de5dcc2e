#include "agent/source/ring_reader.h"

#include <linux/bpf.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>

#include "agent/source/event_check.h"

namespace tracelet::source {
namespace {

constexpr size_t kRecordAlign = 8;
constexpr size_t kArenaKept = 1u << 20;  // larger arenas are given back after a burst
constexpr int kBusyYields = 1'000;       // about a millisecond

size_t PageSize() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

size_t Aligned(size_t size) { return (size + kRecordAlign - 1) & ~(kRecordAlign - 1); }

// The positions must be read after the clock. Loads may run ahead of the counter
// read inside clock_gettime(); these instructions hold them back.
void OrderAfterClock() {
#if defined(__x86_64__)
  asm volatile("lfence" ::: "memory");
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

}  // namespace

Result<RingMemory> RingMemory::Map(int fd, uint32_t bytes) {
  const size_t page = PageSize();
  if (!std::has_single_bit(bytes) || bytes % page != 0) {
    return Error{"ring size must be a power of two of at least one page, not " + std::to_string(bytes)};
  }
  void* consumer = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (consumer == MAP_FAILED) return SystemError("map the consumer page of a ring");
  void* producer = mmap(nullptr, page + bytes, PROT_READ, MAP_SHARED, fd, static_cast<off_t>(page));
  if (producer == MAP_FAILED) {
    Error error = SystemError("map the data of a ring");
    munmap(consumer, page);
    return error;
  }
  const auto* positions = static_cast<const std::byte*>(producer);
  return RingMemory(consumer, positions, positions + page, bytes);
}

RingMemory::RingMemory(RingMemory&& other) noexcept
    : consumer_(std::exchange(other.consumer_, nullptr)),
      producer_(other.producer_),
      data_(other.data_),
      bytes_(other.bytes_) {}

RingMemory::~RingMemory() {
  if (consumer_ == nullptr) return;
  munmap(consumer_, PageSize());
  munmap(const_cast<std::byte*>(producer_), PageSize() + bytes_);
}

uint32_t RingMemory::LengthAt(uint64_t position) const {
  const std::byte* at = data_ + (position & (bytes_ - 1));
  return __atomic_load_n(reinterpret_cast<const uint32_t*>(at), __ATOMIC_ACQUIRE);
}

void RingMemory::CopyPayload(uint64_t position, size_t size, std::vector<std::byte>& out) const {
  const size_t begin = (position + BPF_RINGBUF_HDR_SZ) & (bytes_ - 1);
  const size_t first = std::min<size_t>(size, bytes_ - begin);
  out.insert(out.end(), data_ + begin, data_ + begin + first);
  if (first < size) out.insert(out.end(), data_, data_ + size - first);
}

uint64_t RingMemory::ProducerPosition() const {
  return __atomic_load_n(reinterpret_cast<const unsigned long*>(producer_), __ATOMIC_ACQUIRE);
}

uint64_t RingMemory::ConsumerPosition() const {
  return __atomic_load_n(static_cast<const unsigned long*>(consumer_), __ATOMIC_RELAXED);
}

void RingMemory::SetConsumerPosition(uint64_t position) {
  __atomic_store_n(static_cast<unsigned long*>(consumer_), position, __ATOMIC_RELEASE);
}

RingReader::RingReader(std::vector<RingMemory> rings) {
  rings_.reserve(rings.size());
  for (RingMemory& memory : rings) {
    const uint64_t position = memory.ConsumerPosition();
    rings_.push_back(Ring{std::move(memory), position, position});
  }
}

std::optional<uint64_t> RingReader::Round(uint64_t now_ns, const Deliver& deliver) {
  if (!round_open_) {
    OrderAfterClock();
    round_ns_ = now_ns;
    size_t waiting = arena_.size();
    for (Ring& ring : rings_) {
      ring.limit = ring.memory.ProducerPosition();
      waiting += ring.limit - ring.position;
    }
    if (waiting > arena_.capacity()) arena_.reserve(waiting);  // without growing by doubling
    round_open_ = true;
  }
  bool whole = true;
  for (Ring& ring : rings_) whole = Drain(ring) && whole;
  if (!whole) return std::nullopt;
  round_open_ = false;
  DeliverUpTo(round_ns_, deliver);
  watermark_ns_ = round_ns_;
  return round_ns_;
}

// Takes the records below ring.limit; false when one is still being written.
bool RingReader::Drain(Ring& ring) {
  // Producers read the consumer position on every reserve: tell them in few steps.
  const uint64_t step = ring.memory.bytes() / 16;
  uint64_t told = ring.position;
  bool whole = true;
  while (ring.position < ring.limit) {
    uint32_t length = ring.memory.LengthAt(ring.position);
    for (int i = 0; (length & BPF_RINGBUF_BUSY_BIT) != 0 && i < kBusyYields; ++i) {
      sched_yield();
      length = ring.memory.LengthAt(ring.position);
    }
    if ((length & BPF_RINGBUF_BUSY_BIT) != 0) {
      whole = false;
      break;
    }
    const size_t size = length & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
    if (size > ring.limit - ring.position) {  // not a ring any more: nothing after this can be found
      ++consumed_;
      ++malformed_;
      ring.position = ring.limit;
      break;
    }
    if ((length & BPF_RINGBUF_DISCARD_BIT) == 0) Keep(ring.memory, ring.position, size);
    ring.position += Aligned(size + BPF_RINGBUF_HDR_SZ);
    if (ring.position - told >= step) ring.memory.SetConsumerPosition(told = ring.position);
  }
  if (ring.position != told) ring.memory.SetConsumerPosition(ring.position);
  return whole;
}

void RingReader::Keep(const RingMemory& memory, uint64_t position, size_t size) {
  ++consumed_;
  const size_t begin = arena_.size();
  memory.CopyPayload(position, size, arena_);
  const event_header* event = CheckEvent({arena_.data() + begin, size});
  if (event == nullptr) {
    ++malformed_;
    arena_.resize(begin);
    return;
  }
  entries_.emplace_back(event->time_ns, begin);
  arena_.resize(Aligned(begin + event->size));
}

void RingReader::DeliverUpTo(uint64_t time_ns, const Deliver& deliver) {
  if (!std::is_sorted(entries_.begin(), entries_.end())) std::sort(entries_.begin(), entries_.end());
  size_t next = 0;
  for (; next < entries_.size() && entries_[next].first <= time_ns; ++next) {
    if (entries_[next].first <= watermark_ns_) ++late_;
    deliver(*reinterpret_cast<const event_header*>(arena_.data() + entries_[next].second));
  }
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<ptrdiff_t>(next));

  spare_.clear();
  for (Entry& entry : entries_) {
    const std::byte* from = arena_.data() + entry.second;
    entry.second = spare_.size();
    spare_.insert(spare_.end(), from, from + Aligned(reinterpret_cast<const event_header*>(from)->size));
  }
  arena_.swap(spare_);
  if (spare_.capacity() > kArenaKept) std::vector<std::byte>().swap(spare_);
}

}  // namespace tracelet::source
