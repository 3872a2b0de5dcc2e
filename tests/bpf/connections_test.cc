// The table of connections as user space changes it: a map of the same shape, with
// a clock of our own.
#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include "agent/base/unique_fd.h"
#include "agent/source/bpf_connections.h"

namespace tracelet::source {
namespace {

constexpr uint32_t kCapacity = 8'192;
constexpr uint64_t kSecond = 1'000'000'000;

class ConnectionsTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(map_) << "run as root"; }

  void Put(uint64_t sock, uint32_t inode, uint32_t status, uint8_t closing = 0) {
    conn_slot slot{.state = {}, .name = inode == 0 ? sock : inode, .claims = 1, .pad = 0};
    slot.state.id = {sock, inode, inode == 0 ? 7U : 0U, inode == 0 ? 8U : 0U, 0};
    slot.state.status = status;
    slot.state.closing = closing;
    const uint32_t place = Find(slot.name, 0);
    ASSERT_LT(place, kPlaces) << "no place is free";
    ASSERT_EQ(bpf_map_update_elem(map_.get(), &place, &slot, BPF_ANY), 0);
  }
  // -1: not there.
  int64_t StatusOf(uint64_t sock, uint32_t inode = 0) {
    const uint64_t name = inode == 0 ? sock : inode;
    const uint32_t place = Find(name, name);
    return place < kPlaces ? int64_t{At(place).state.status} : -1;
  }
  conn_slot At(uint32_t place) {
    conn_slot slot{};
    EXPECT_EQ(bpf_map_lookup_elem(map_.get(), &place, &slot), 0);
    return slot;
  }
  // The first of the places of `name` that `held` has; kPlaces: none.
  uint32_t Find(uint64_t name, uint64_t held) {
    const uint32_t first = CONN_FIRST(name, BpfConnections::Bits(kCapacity));
    for (uint32_t place = first; place < first + CONN_WAYS; ++place) {
      if (At(place).name == held) return place;
    }
    return kPlaces;
  }
  void Run(BpfConnections& connections, uint64_t from_ns, uint64_t to_ns) {
    for (uint64_t now = from_ns; now < to_ns; now += BpfConnections::kStepNs) connections.Sweep(now);
  }

  static constexpr uint32_t kPlaces = kCapacity + CONN_WAYS;

  static UniqueFd Make() {
    LIBBPF_OPTS(bpf_map_create_opts, mapped, .map_flags = BPF_F_MMAPABLE);
    return UniqueFd(
        bpf_map_create(BPF_MAP_TYPE_ARRAY, "conns_test", sizeof(uint32_t), sizeof(conn_slot), kPlaces, &mapped));
  }
  UniqueFd map_ = Make();
};

TEST_F(ConnectionsTest, SweepsWhatStaysDyingAcrossManySteps) {
  for (uint64_t sock = 1; sock <= 3'000; ++sock) Put(sock, 0, CONN_ANNOUNCED, sock % 2 == 0 ? CONN_DYING : 0);
  BpfConnections connections(map_.get(), kCapacity);
  Run(connections, 100 * kSecond, 109 * kSecond);
  EXPECT_EQ(connections.swept(), 0U);
  Run(connections, 109 * kSecond, 125 * kSecond);
  EXPECT_EQ(connections.swept(), 1'500U);
  for (uint64_t sock = 1; sock <= 3'000; ++sock) ASSERT_EQ(StatusOf(sock) == -1, sock % 2 == 0) << sock;
}

TEST_F(ConnectionsTest, SweepsIdleUnixSocketsOnceTheTableIsHalfFull) {
  BpfConnections connections(map_.get(), kCapacity);
  for (uint32_t sock = 1; sock <= 3'000; ++sock) Put(sock, sock, CONN_UNIX);
  Run(connections, 100 * kSecond, 300 * kSecond);
  EXPECT_EQ(connections.swept(), 0U);
  for (uint32_t sock = 3'001; sock <= 5'000; ++sock) Put(sock, sock, CONN_UNIX);
  Run(connections, 300 * kSecond, 440 * kSecond);
  EXPECT_EQ(connections.swept(), 5'000U);
}

TEST_F(ConnectionsTest, AnEmptyTableIsNoWork) {
  BpfConnections connections(map_.get(), kCapacity);
  Run(connections, 0, 60 * kSecond);
  EXPECT_EQ(connections.swept(), 0U);
}

TEST_F(ConnectionsTest, IgnoresOnlyTheConnectionThatIsMeant) {
  Put(1, 0, CONN_ANNOUNCED);
  Put(2, 77, CONN_UNIX);
  BpfConnections connections(map_.get(), kCapacity);
  connections.Ignore({1, 500, 7, 9, 0}, false);  // the address was reused
  connections.Ignore({3, 500, 7, 8, 0}, false);  // gone
  connections.Ignore({2, 78, 0, 0, 0}, false);   // another inode
  EXPECT_EQ(StatusOf(1), CONN_ANNOUNCED);
  EXPECT_EQ(StatusOf(2, 77), CONN_UNIX);
  EXPECT_EQ(StatusOf(3), -1);
  connections.Ignore({1, 500, 7, 8, 0}, false);  // the name of a TCP connection has no inode
  connections.Ignore({2, 77, 0, 0, 0}, false);
  EXPECT_EQ(StatusOf(1), CONN_ANNOUNCED | CONN_IGNORED);
  EXPECT_EQ(StatusOf(2, 77), CONN_UNIX | CONN_IGNORED);
}

// Its ciphertext was judged, of before its program was probed.
TEST_F(ConnectionsTest, IgnoresNoConnectionWhosePlaintextIsSeenByNow) {
  Put(1, 0, CONN_ANNOUNCED | CONN_TLS);
  BpfConnections connections(map_.get(), kCapacity);
  connections.Ignore({1, 500, 7, 8, 0}, false);
  EXPECT_EQ(StatusOf(1), CONN_ANNOUNCED | CONN_TLS);
  connections.Ignore({1, 500, 7, 8, 0}, true);
  EXPECT_EQ(StatusOf(1), CONN_ANNOUNCED | CONN_TLS | CONN_IGNORED);
}

}  // namespace
}  // namespace tracelet::source
