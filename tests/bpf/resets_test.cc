// Connections that are reset: what calls had moved that return only then, and nothing of another connection.
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <thread>

#include "tests/bpf/capture.h"

namespace tracelet::testing {
namespace {

using ResetTest = CaptureTest;

// Until nothing more fits for a while: whoever writes sleeps in the call.
void AwaitFull(int fd) {
  for (int same = 0, now = 0, before = 0; same < 20; usleep(1'000)) {
    MUST(ioctl(fd, SIOCOUTQ, &now));
    same = now > 0 && now == before ? same + 1 : 0;
    before = now;
  }
}

// `writer` writes more than fits, and is reset by `reader`, which has seen the beginning.
void CutOff(int writer, int reader, const std::string& head) {
  std::thread thread([&] {
    std::string message = head;
    message.resize(64U << 20);
    const long written = MUST(write(writer, message.data(), message.size()));
    Require(static_cast<size_t>(written) > head.size() && static_cast<size_t>(written) < message.size(), "a part");
  });
  Receive(reader, head.size());
  AwaitFull(writer);
  CloseAbruptly(reader);
  thread.join();
}

void ExpectToldAfterTheReset(const End& end, const std::vector<Data>& moved, std::string_view head) {
  ASSERT_EQ(end.closes.size(), 1U);
  EXPECT_EQ(end.closes.front().how, CLOSE_DONE);
  EXPECT_EQ(end.closes.front().error, ECONNRESET);
  EXPECT_GT(end.closes.front().header.time_ns, end.open.header.time_ns);
  ASSERT_FALSE(moved.empty());
  EXPECT_GT(moved.front().time_ns, end.closes.front().header.time_ns);
  EXPECT_EQ(moved.front().offset, 0U);
  EXPECT_EQ(moved.front().flags & DATA_GAP_BEFORE, 0);
  EXPECT_TRUE(End::Stream(moved).starts_with(head));
}

TEST_F(ResetTest, AResponseIsToldThatIsStillBeingWritten) {
  static const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 67000000\r\n\r\n";
  Capture([] {
    const Sockets sockets = Connect(Family::kTcp4);
    Send(sockets.client, kRequest);
    Receive(sockets.server, kRequest.size());
    CutOff(sockets.server, sockets.client, head);
  });
  EXPECT_EQ(End::Stream(server().received), kRequest);
  ExpectToldAfterTheReset(server(), server().sent, head);
}

// The client's first call: its connection has not been announced when it ends.
TEST_F(ResetTest, ARequestIsToldThatIsStillBeingWritten) {
  static const std::string head = "POST /orders HTTP/1.1\r\nContent-Length: 67000000\r\n\r\n";
  Capture([] {
    const Sockets sockets = Connect(Family::kTcp4);
    CutOff(sockets.client, sockets.server, head);
  });
  ExpectToldAfterTheReset(client(), client().sent, head);
}

TEST_F(ResetTest, ARequestIsToldThatIsStillBeingRead) {
  Capture([] {
    const Sockets sockets = Connect(Family::kTcp4);
    std::thread server([&] {
      char buffer[4096];
      Require(recv(sockets.server, buffer, sizeof(buffer), MSG_WAITALL) == long{kRequest.size()}, "the request alone");
    });
    Send(sockets.client, kRequest);
    for (int left = 1; left > 0; usleep(1'000)) MUST(ioctl(sockets.client, SIOCOUTQ, &left));
    for (int left = 1; left > 0; usleep(1'000)) MUST(ioctl(sockets.server, FIONREAD, &left));
    CloseAbruptly(sockets.client);
    server.join();
  });
  ExpectToldAfterTheReset(server(), server().received, kRequest);
}

Sockets ConnectTalkAndReset(Sockets sockets) {
  ConnectTo(sockets, Family::kTcp4);
  Send(sockets.client, kRequest);
  Receive(sockets.server, kRequest.size());
  CloseAbruptly(sockets.client);
  return sockets;
}

TEST_F(ResetTest, AnUnconnectedSocketAtTheSameAddressIsNotTheConnectionBefore) {
  Capture([] {
    const Sockets first = Connect(Family::kTcp4);
    const Sockets sockets = ConnectTalkAndReset(first);
    close(sockets.server);
    for (int i = 0; i < 200; ++i) {  // the kernel gives freed memory out again, last in, first out
      const int fresh = static_cast<int>(MUST(socket(AF_INET, SOCK_STREAM, 0)));
      Require(send(fresh, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE, "nobody to send to");
    }
  });
  const auto servers = events_.Ends(ROLE_SERVER);
  ASSERT_EQ(servers.size(), 2U);
  EXPECT_EQ(End::Stream(servers[1]->received), kRequest);
  EXPECT_EQ(servers[1]->closes.size(), 1U);
  EXPECT_TRUE(servers[1]->sent.empty());
}

TEST_F(ResetTest, EntriesThatAreKeptDoNotFillTheTable) {
  settings_.max_connections = 1'024;
  Capture([] {
    Sockets sockets = Connect(Family::kTcp4);
    for (int i = 0; i < 2'000; ++i) {
      sockets = ConnectTalkAndReset(sockets);
      close(sockets.server);
    }
  });
  EXPECT_EQ(events_.Ends(ROLE_SERVER).size(), 2'001U);
  EXPECT_EQ(ledger_.connections_full, 0U);
}

}  // namespace
}  // namespace tracelet::testing
