// Every system call that moves bytes, over every kind of stream socket: the two
// ends name the connection alike and see the same stream.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstring>

#include "tests/bpf/capture.h"

namespace tracelet::testing {
namespace {

iovec Segment(const void* bytes, size_t size) { return {const_cast<void*>(bytes), size}; }

// Halves, so that everything that takes several buffers gets several.
std::array<iovec, 2> Halves(const void* bytes, size_t size) {
  const size_t half = size / 2;
  return {Segment(bytes, half), Segment(static_cast<const char*>(bytes) + half, size - half)};
}

struct SendCall {
  const char* name;
  bool copied;  // false: zero-copy, the bytes are not seen
  long (*send)(int fd, const char* bytes, size_t size);
};

struct ReceiveCall {
  const char* name;
  bool copied;
  long (*receive)(int fd, char* bytes, size_t size);
};

long SendFile(int fd, const char* bytes, size_t size) {
  const int file = static_cast<int>(MUST(memfd_create("body", 0)));
  MUST(pwrite(file, bytes, size, 0));
  off_t offset = 0;
  const long sent = sendfile(fd, file, &offset, size);
  close(file);
  return sent;
}

long SpliceOut(int fd, const char* bytes, size_t size) {
  int ends[2];
  MUST(pipe(ends));
  MUST(write(ends[1], bytes, size));
  const long sent = splice(ends[0], nullptr, fd, nullptr, size, 0);
  close(ends[0]);
  close(ends[1]);
  return sent;
}

long SpliceIn(int fd, char* bytes, size_t size) {
  int ends[2];
  MUST(pipe(ends));
  const long moved = MUST(splice(fd, nullptr, ends[1], nullptr, size, 0));
  MUST(read(ends[0], bytes, static_cast<size_t>(moved)));
  close(ends[0]);
  close(ends[1]);
  return moved;
}

// Two messages of half the bytes each.
struct TwoMessages {
  std::array<iovec, 2> parts;
  mmsghdr messages[2] = {};
  TwoMessages(const void* bytes, size_t size) : parts(Halves(bytes, size)) {
    for (size_t i = 0; i < 2; ++i) messages[i].msg_hdr.msg_iov = &parts[i], messages[i].msg_hdr.msg_iovlen = 1;
  }
  [[nodiscard]] long Sum(long count) const {
    long sum = 0;
    for (long i = 0; i < count; ++i) sum += messages[i].msg_len;
    return sum;
  }
};

const SendCall kSends[] = {
    {"write", true, [](int fd, const char* bytes, size_t size) -> long { return write(fd, bytes, size); }},
    {"writev", true,
     [](int fd, const char* bytes, size_t size) -> long { return writev(fd, Halves(bytes, size).data(), 2); }},
    {"sendto", true, [](int fd, const char* bytes, size_t size) -> long { return send(fd, bytes, size, 0); }},
    {"sendmsg", true,
     [](int fd, const char* bytes, size_t size) -> long {
       auto parts = Halves(bytes, size);
       msghdr message{};
       message.msg_iov = parts.data(), message.msg_iovlen = 2;
       return sendmsg(fd, &message, 0);
     }},
    {"sendmmsg", true,
     [](int fd, const char* bytes, size_t size) -> long {
       TwoMessages two(bytes, size);
       return two.Sum(sendmmsg(fd, two.messages, 2, 0));
     }},
    {"sendfile", false, SendFile},
    {"splice", false, SpliceOut},
};

const ReceiveCall kReceives[] = {
    {"read", true, [](int fd, char* bytes, size_t size) -> long { return read(fd, bytes, size); }},
    {"readv", true, [](int fd, char* bytes, size_t size) -> long { return readv(fd, Halves(bytes, size).data(), 2); }},
    {"recvfrom", true, [](int fd, char* bytes, size_t size) -> long { return recv(fd, bytes, size, 0); }},
    {"recvmsg", true,
     [](int fd, char* bytes, size_t size) -> long {
       auto parts = Halves(bytes, size);
       msghdr message{};
       message.msg_iov = parts.data(), message.msg_iovlen = 2;
       return recvmsg(fd, &message, 0);
     }},
    {"recvmmsg", true,
     [](int fd, char* bytes, size_t size) -> long {
       TwoMessages two(bytes, size);
       return two.Sum(recvmmsg(fd, two.messages, 2, MSG_WAITFORONE, nullptr));
     }},
    {"splice", false, SpliceIn},
};

struct Case {
  SendCall send;
  ReceiveCall receive;
  Family family;
};

// Each call with its counterpart's plainest form and with itself.
std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (Family family : {Family::kTcp4, Family::kTcp6, Family::kMapped, Family::kUnix}) {
    for (const SendCall& send : kSends) cases.push_back({send, kReceives[0], family});
    for (size_t i = 1; i < std::size(kReceives); ++i) cases.push_back({kSends[0], kReceives[i], family});
  }
  return cases;
}

void Exchange(const Case& c, int from, int to, std::string_view bytes) {
  Require(c.send.send(from, bytes.data(), bytes.size()) == static_cast<long>(bytes.size()), "short send");
  AwaitBytes(to, static_cast<int>(bytes.size()));
  std::string got(bytes.size(), 0);
  for (size_t have = 0; have < got.size();) {
    have += static_cast<size_t>(MUST(c.receive.receive(to, got.data() + have, got.size() - have)));
  }
  Require(got == bytes, "other bytes arrived");
}

class SyscallTest : public CaptureTest, public ::testing::WithParamInterface<Case> {
 protected:
  // The head is copied, unless it never was in user memory; the body may stay in the kernel.
  static void ExpectStream(const std::vector<Data>& events, std::string_view bytes, bool copied) {
    const std::string stream = End::Stream(events);
    ASSERT_EQ(stream.size(), bytes.size());
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(events.front().offset, 0U);
    const size_t head = bytes.find("\r\n\r\n") + 4;
    if (copied) {
      EXPECT_EQ(stream.substr(0, head), bytes.substr(0, head));
    } else {
      EXPECT_EQ(stream, std::string(bytes.size(), '?'));
    }
    for (const Data& data : events) {
      EXPECT_EQ((data.flags & DATA_ZERO_COPY) != 0, !copied);
      EXPECT_EQ(data.flags & DATA_GAP_BEFORE, 0);
    }
  }
};

TEST_P(SyscallTest, BothEndsSeeTheSameStream) {
  const Case& c = GetParam();
  Capture([&] {
    const Sockets sockets = Connect(c.family);
    Exchange(c, sockets.client, sockets.server, kRequest);
    Exchange(c, sockets.server, sockets.client, kResponse);
  });
  ExpectStream(client().sent, kRequest, c.send.copied);
  ExpectStream(server().received, kRequest, c.receive.copied);
  ExpectStream(server().sent, kResponse, c.send.copied);
  ExpectStream(client().received, kResponse, c.receive.copied);
  if (c.family == Family::kUnix) {
    EXPECT_EQ(client().open.peer_inode, server().id.inode);
    EXPECT_EQ(server().open.peer_inode, client().id.inode);
    EXPECT_NE(client().id.inode, 0U);
  } else {
    EXPECT_EQ(client().id.tx_base, server().id.rx_base);
    EXPECT_EQ(client().id.rx_base, server().id.tx_base);
    EXPECT_NE(client().id.tx_base, 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(All, SyscallTest, ::testing::ValuesIn(Cases()), [](const auto& test) {
  return std::string(Name(test.param.family)) + "_" + test.param.send.name + "_" + test.param.receive.name;
});

}  // namespace
}  // namespace tracelet::testing
