#include "agent/source/ring_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <thread>

#include "agent/base/unique_fd.h"

namespace tracelet::source {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint32_t kBytes = 4096;

// Plays the kernel: a memory file laid out like a BPF ring buffer. The kernel maps
// the data pages twice; here the writer writes every byte twice.
class FakeRing {
 public:
  FakeRing() : fd_(memfd_create("ring", MFD_CLOEXEC)), page_(static_cast<size_t>(sysconf(_SC_PAGESIZE))) {
    const size_t size = 2 * page_ + 2 * kBytes;
    EXPECT_EQ(ftruncate(fd_.get(), static_cast<off_t>(size)), 0);
    base_ = static_cast<std::byte*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0));
  }
  ~FakeRing() { munmap(base_, 2 * page_ + 2 * kBytes); }
  FakeRing(const FakeRing&) = delete;

  RingMemory Map() {
    auto memory = RingMemory::Map(fd_.get(), kBytes);
    EXPECT_TRUE(memory.has_value());
    return std::move(*memory);
  }

  // Reserves and fills; the returned position commits with Submit().
  uint64_t Reserve(uint64_t time_ns, uint32_t size = sizeof(event_header), uint16_t kind = EVENT_EXIT) {
    const uint64_t at = producer();
    event_header header{};
    header.time_ns = time_ns;
    header.size = size;
    header.kind = kind;
    header.tgid = 1;
    std::vector<std::byte> payload(size);
    std::memcpy(payload.data(), &header, std::min<size_t>(size, sizeof(header)));
    Put(at + BPF_RINGBUF_HDR_SZ, payload.data(), size);
    SetLength(at, size | BPF_RINGBUF_BUSY_BIT);
    producer() = at + ((size + BPF_RINGBUF_HDR_SZ + 7) & ~7U);
    return at;
  }
  void SetLength(uint64_t at, uint32_t length) { Put(at, &length, sizeof(length)); }
  void Submit(uint64_t at, uint32_t size = sizeof(event_header)) { SetLength(at, size); }
  void Write(uint64_t time_ns, uint32_t size = sizeof(event_header)) { Submit(Reserve(time_ns, size), size); }
  // As the kernel does: busy, then visible, then stamped (unique times), then submitted.
  void AppendStamped(std::atomic<uint64_t>& clock) {
    const uint64_t at = producer();
    event_header header{};
    header.size = sizeof(header);
    header.kind = EVENT_EXIT;
    SetLength(at, sizeof(header) | BPF_RINGBUF_BUSY_BIT);
    __atomic_store_n(&producer(), at + BPF_RINGBUF_HDR_SZ + sizeof(header), __ATOMIC_SEQ_CST);
    header.time_ns = clock.fetch_add(1) + 1;
    Put(at + BPF_RINGBUF_HDR_SZ, &header, sizeof(header));
    std::byte* data = base_ + 2 * page_ + at % kBytes;
    __atomic_store_n(reinterpret_cast<uint32_t*>(data), uint32_t{sizeof(header)}, __ATOMIC_RELEASE);
    __atomic_store_n(reinterpret_cast<uint32_t*>(data + kBytes), uint32_t{sizeof(header)}, __ATOMIC_RELEASE);
  }
  void StartAt(uint64_t position) { producer() = consumer() = position; }

  unsigned long& consumer() { return *reinterpret_cast<unsigned long*>(base_); }
  unsigned long& producer() { return *reinterpret_cast<unsigned long*>(base_ + page_); }

 private:
  void Put(uint64_t position, const void* bytes, size_t size) {
    std::byte* data = base_ + 2 * page_;
    for (size_t i = 0; i < size; ++i) {
      const size_t at = (position + i) % kBytes;
      data[at] = data[at + kBytes] = static_cast<const std::byte*>(bytes)[i];
    }
  }

  UniqueFd fd_;
  size_t page_;
  std::byte* base_;
};

class RingReaderTest : public ::testing::Test {
 protected:
  RingReader MakeReader() {
    std::vector<RingMemory> memory;
    for (FakeRing& ring : rings_) memory.push_back(ring.Map());
    return RingReader(std::move(memory));
  }
  // The stamps of what one round delivers.
  std::vector<uint64_t> Round(RingReader& reader, uint64_t now_ns) {
    std::vector<uint64_t> times;
    finished_ = reader.Round(now_ns, [&](const event_header& event) { times.push_back(event.time_ns); }).has_value();
    return times;
  }

  std::array<FakeRing, 3> rings_;
  bool finished_ = false;
};

TEST_F(RingReaderTest, MergesRingsByTime) {
  rings_[0].Write(10);
  rings_[0].Write(40);
  rings_[1].Write(20);
  rings_[2].Write(30);
  rings_[2].Write(15);  // an interrupt stamped inside another program's record
  RingReader reader = MakeReader();
  EXPECT_THAT(Round(reader, 100), ElementsAre(10, 15, 20, 30, 40));
  EXPECT_EQ(reader.consumed(), 5U);
  EXPECT_EQ(reader.late(), 0U);
}

TEST_F(RingReaderTest, KeepsWhatIsStampedLaterForTheNextRound) {
  rings_[0].Write(50);
  rings_[1].Write(101, 600);
  RingReader reader = MakeReader();
  EXPECT_THAT(Round(reader, 100), ElementsAre(50));
  rings_[0].Write(102);
  rings_[2].Write(99'999);
  EXPECT_THAT(Round(reader, 200), ElementsAre(101, 102));
  EXPECT_THAT(Round(reader, 300), IsEmpty());
  EXPECT_THAT(Round(reader, 99'999), ElementsAre(99'999));
  EXPECT_EQ(reader.consumed(), 4U);
}

TEST_F(RingReaderTest, CountsWhatComesBehindTheWatermark) {
  RingReader reader = MakeReader();
  Round(reader, 100);
  rings_[0].Write(100);
  EXPECT_THAT(Round(reader, 200), ElementsAre(100));
  EXPECT_EQ(reader.late(), 1U);
}

TEST_F(RingReaderTest, WaitsForABusyRecordWithoutDeliveringAround) {
  rings_[0].Write(10);
  const uint64_t busy = rings_[1].Reserve(20);
  rings_[1].Write(30);
  rings_[2].Write(25);
  RingReader reader = MakeReader();
  EXPECT_THAT(Round(reader, 100), IsEmpty());
  EXPECT_FALSE(finished_);
  rings_[0].Write(40);  // not of the round that is open, although it is old enough
  rings_[1].Submit(busy);
  EXPECT_THAT(Round(reader, 999), ElementsAre(10, 20, 25, 30));
  EXPECT_TRUE(finished_);
  EXPECT_THAT(Round(reader, 1000), ElementsAre(40));
}

TEST_F(RingReaderTest, SkipsDiscardedRecords) {
  const uint64_t at = rings_[0].Reserve(10);
  rings_[0].SetLength(at, sizeof(event_header) | BPF_RINGBUF_DISCARD_BIT);
  rings_[0].Write(20);
  RingReader reader = MakeReader();
  EXPECT_THAT(Round(reader, 100), ElementsAre(20));
  EXPECT_EQ(reader.consumed(), 1U);
}

TEST_F(RingReaderTest, ReadsAcrossTheEndAtEveryOffset) {
  for (uint32_t offset = 0; offset < kBytes; offset += 8) {
    FakeRing ring;
    ring.StartAt(7ULL * kBytes + offset);
    std::vector<RingMemory> memory;
    memory.push_back(ring.Map());
    RingReader reader(std::move(memory));
    const uint32_t sizes[] = {1000, 49, 1500, sizeof(event_header)};
    for (uint64_t i = 0; i < 4; ++i) ring.Write(i + 1, sizes[i]);
    std::vector<uint32_t> seen;
    reader.Round(100, [&](const event_header& event) { seen.push_back(event.size); });
    ASSERT_THAT(seen, ElementsAre(1000, 49, 1500, sizeof(event_header))) << offset;
    ASSERT_EQ(ring.consumer(), ring.producer());
  }
}

TEST_F(RingReaderTest, CountsMalformedRecordsAndGoesOn) {
  const uint64_t cut = rings_[0].Reserve(10, 64, EVENT_DATA);  // smaller than its kind
  rings_[0].Submit(cut, 64);
  const uint64_t tiny = rings_[0].Reserve(11, 8);
  rings_[0].Submit(tiny, 8);
  rings_[0].Write(20);
  RingReader reader = MakeReader();
  EXPECT_THAT(Round(reader, 100), ElementsAre(20));
  EXPECT_EQ(reader.malformed(), 2U);
  EXPECT_EQ(reader.consumed(), 3U);
}

TEST_F(RingReaderTest, SurvivesALengthThatLeadsOutOfTheRing) {
  const uint64_t at = rings_[0].Reserve(10);
  rings_[0].SetLength(at, 0x3fffffff);
  rings_[1].Write(20);
  RingReader reader = MakeReader();
  EXPECT_THAT(Round(reader, 100), ElementsAre(20));
  EXPECT_EQ(reader.malformed(), 1U);
}

TEST_F(RingReaderTest, RefusesSizesThatNoRingHas) {
  UniqueFd fd(memfd_create("ring", MFD_CLOEXEC));
  EXPECT_FALSE(RingMemory::Map(fd.get(), 0).has_value());
  EXPECT_FALSE(RingMemory::Map(fd.get(), 100).has_value());
  EXPECT_FALSE(RingMemory::Map(fd.get(), 3 * 4096).has_value());
}

// A producer thread per ring stamps one shared clock: every record must come out
// once and in order, whatever the reader's timing.
TEST_F(RingReaderTest, StaysExactWhileProducersRun) {
  constexpr uint64_t kPerRing = 3'000;
  std::atomic<uint64_t> clock{1};
  RingReader reader = MakeReader();
  std::vector<std::thread> producers;
  for (FakeRing& ring : rings_) {
    producers.emplace_back([&] {
      for (uint64_t i = 0; i < kPerRing; ++i) {
        const auto used = [&] {
          return __atomic_load_n(&ring.producer(), __ATOMIC_RELAXED) -
                 __atomic_load_n(&ring.consumer(), __ATOMIC_ACQUIRE);
        };
        while (used() + 64 > kBytes) std::this_thread::yield();
        ring.AppendStamped(clock);
      }
    });
  }
  uint64_t last = 0, count = 0;
  while (count < kPerRing * rings_.size()) {
    reader.Round(clock.load(), [&](const event_header& event) {
      ASSERT_GT(event.time_ns, last);
      last = event.time_ns;
      ++count;
    });
  }
  for (std::thread& producer : producers) producer.join();
  EXPECT_EQ(reader.late(), 0U);
  EXPECT_EQ(reader.consumed(), count);
}

}  // namespace
}  // namespace tracelet::source
