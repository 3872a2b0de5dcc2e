// The corners of sockets: what arguments, ends and reuse do to the events.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tests/bpf/capture.h"

namespace tracelet::testing {
namespace {

using SocketTest = CaptureTest;

constexpr int kRequestSize = static_cast<int>(kRequest.size());
constexpr int kResponseSize = static_cast<int>(kResponse.size());

std::string Head(std::string_view message) { return std::string(message.substr(0, message.find("\r\n\r\n") + 4)); }

TEST_F(SocketTest, OpenSaysWhoTalksToWhom) {
  struct Expected {
    Family family;
    int client_family, server_family;
    const char* address;
  };
  const Expected cases[] = {{Family::kTcp4, AF_INET, AF_INET, "::ffff:127.0.0.1"},
                            {Family::kTcp6, AF_INET6, AF_INET6, "::1"},
                            {Family::kMapped, AF_INET, AF_INET6, "::ffff:127.0.0.1"}};
  for (const Expected& c : cases) {
    SCOPED_TRACE(Name(c.family));
    events_ = {};
    Capture([&] {
      const Sockets sockets = Connect(c.family);
      Send(sockets.client, kRequest);
      Receive(sockets.server, kRequest.size());
    });
    const event_open &client_open = client().open, &server_open = server().open;
    char text[INET6_ADDRSTRLEN];
    EXPECT_EQ(client_open.family, c.client_family);
    EXPECT_EQ(server_open.family, c.server_family);
    for (const auto* address : {client_open.local_address, client_open.remote_address, server_open.local_address,
                                server_open.remote_address}) {
      EXPECT_STREQ(inet_ntop(AF_INET6, address, text, sizeof(text)), c.address);
    }
    EXPECT_EQ(client_open.local_port, server_open.remote_port);
    EXPECT_EQ(client_open.remote_port, server_open.local_port);
    EXPECT_NE(client_open.local_port, 0);
    EXPECT_GT(client_open.established_ns, 0U);
    EXPECT_EQ(client_open.flags, 0U);
    EXPECT_TRUE(server_open.accepted_here);
    EXPECT_FALSE(client_open.accepted_here);
    EXPECT_STREQ(client_open.comm, server_open.comm);
  }
}

TEST_F(SocketTest, UnixOpenHasThePathOfTheListener) {
  Capture([] {
    const Sockets sockets = Connect(Family::kUnix);
    Send(sockets.client, kRequest);
    Receive(sockets.server, kRequest.size());
  });
  for (const End* end : {&client(), &server()}) {
    EXPECT_EQ(end->open.family, AF_UNIX);
    EXPECT_EQ(end->open.unix_path[0], 0);
    EXPECT_EQ(std::string(end->open.unix_path + 1, 13), "tracelet-test");
    EXPECT_EQ(end->id.tx_base, 0U);
    EXPECT_EQ(end->id.rx_base, 0U);
  }
}

TEST_F(SocketTest, FinTakenWithTheDataIsNoByte) {
  Capture([] {
    const Sockets sockets = Connect(Family::kTcp4);
    Send(sockets.client, kRequest);
    Receive(sockets.server, kRequest.size());
    Send(sockets.server, kResponse);
    close(sockets.server);
    AwaitBytes(sockets.client, kResponseSize);
    usleep(20'000);  // the FIN is there as well
    char buffer[4096];
    Require(recv(sockets.client, buffer, sizeof(buffer), MSG_WAITALL) == kResponseSize, "response");
    Require(read(sockets.client, buffer, sizeof(buffer)) == 0, "end of file");
  });
  const auto& received = client().received;
  ASSERT_GE(received.size(), 2U);
  EXPECT_EQ(End::Stream(received).size(), kResponse.size());
  EXPECT_EQ(received.front().offset, 0U);
  for (const Data& data : received) EXPECT_EQ(data.flags & DATA_GAP_BEFORE, 0);
  EXPECT_NE(received.back().flags & DATA_EOF, 0);
  EXPECT_EQ(received.back().length, 0U);
  EXPECT_EQ(received.back().offset, kResponse.size());
  ASSERT_FALSE(server().closes.empty());
  EXPECT_EQ(server().closes.front().how, CLOSE_LOCAL_FIN);
  EXPECT_EQ(server().closes.front().tx_end, kResponse.size());
}

TEST_F(SocketTest, PeekDoesNotMoveTheStream) {
  for (Family family : {Family::kTcp4, Family::kUnix}) {
    SCOPED_TRACE(Name(family));
    events_ = {};
    Capture([family] {
      const Sockets sockets = Connect(family);
      Send(sockets.client, kRequest);
      char buffer[4096];
      Require(recv(sockets.server, buffer, 10, MSG_PEEK) == 10, "peek");
      Require(recv(sockets.server, buffer, sizeof(buffer), MSG_PEEK) == kRequestSize, "peek");
      Receive(sockets.server, kRequest.size());
    });
    const auto& received = server().received;
    ASSERT_EQ(received.size(), 3U);
    for (size_t i : {0U, 1U}) {
      EXPECT_NE(received[i].flags & DATA_PEEK, 0);
      EXPECT_EQ(received[i].offset, 0U);
    }
    EXPECT_EQ(received[2].flags & (DATA_PEEK | DATA_GAP_BEFORE), 0);
    EXPECT_EQ(received[2].offset, 0U);
    EXPECT_EQ(End::Stream({received[2]}), kRequest);
  }
}

TEST_F(SocketTest, TruncMovesTheStreamAndCopiesNothing) {
  Capture([] {
    const Sockets sockets = Connect(Family::kTcp4);
    Send(sockets.client, kRequest);
    char buffer[64] = "not what was received";
    Require(recv(sockets.server, buffer, 10, MSG_TRUNC) == 10, "discard");
    Receive(sockets.server, kRequest.size() - 10);
  });
  const auto& received = server().received;
  ASSERT_GE(received.size(), 2U);
  EXPECT_NE(received[0].flags & DATA_STALE, 0);
  EXPECT_EQ(received[0].length, 10U);
  EXPECT_EQ(received[0].bytes, "");
  EXPECT_EQ(End::Stream(received).size(), kRequest.size());
}

// The client's end has been reset, with the response still to be read.
Sockets ConnectAndReset() {
  const Sockets sockets = Connect(Family::kTcp4);
  Send(sockets.client, kRequest);
  Send(sockets.server, kResponse);
  AwaitBytes(sockets.client, kResponseSize);
  close(sockets.server);  // with the request unread: an RST
  usleep(20'000);
  return sockets;
}

TEST_F(SocketTest, DataBeforeAResetIsStillThisConnections) {
  Capture([] {
    const Sockets sockets = ConnectAndReset();
    char buffer[4096];
    Require(read(sockets.client, buffer, sizeof(buffer)) == kResponseSize, "response");
    Require(read(sockets.client, buffer, sizeof(buffer)) == -1 && errno == ECONNRESET, "reset");
    Require(read(sockets.client, buffer, sizeof(buffer)) == 0, "end");
  });
  const End& end = client();
  EXPECT_EQ(events_.ends.size(), 2U);
  ASSERT_FALSE(end.closes.empty());
  EXPECT_EQ(end.closes.back().how, CLOSE_DONE);
  EXPECT_EQ(end.closes.back().error, ECONNRESET);
  ASSERT_GE(end.received.size(), 2U);
  EXPECT_GT(end.received.front().time_ns, end.closes.back().header.time_ns);
  EXPECT_EQ(end.received[0].offset, 0U);
  EXPECT_EQ(End::Stream(end.received).substr(0, Head(kResponse).size()), Head(kResponse));
  bool reset_seen = false;
  for (const Data& data : end.received) {
    EXPECT_EQ(data.flags & DATA_GAP_BEFORE, 0);
    if ((data.flags & DATA_ERROR) != 0 && data.error == ECONNRESET) reset_seen = true;
  }
  EXPECT_TRUE(reset_seen);
}

TEST_F(SocketTest, WhatFailsToConnectAtTheSameAddressIsNotTheConnectionBefore) {
  Capture([] {
    const Sockets sockets = ConnectAndReset();
    sockaddr_in nobody{};
    socklen_t size = sizeof(nobody);
    MUST(getsockname(sockets.listener, reinterpret_cast<sockaddr*>(&nobody), &size));
    close(sockets.listener);
    close(sockets.client);           // with the response unread
    for (int i = 0; i < 200; ++i) {  // the kernel gives freed memory out again, last in, first out
      const int refused = static_cast<int>(MUST(socket(AF_INET, SOCK_STREAM, 0)));
      Require(connect(refused, reinterpret_cast<sockaddr*>(&nobody), size) == -1 && errno == ECONNREFUSED, "refusal");
    }
  });
  ASSERT_EQ(client().closes.size(), 1U);
  EXPECT_EQ(client().closes.front().error, ECONNRESET);
}

TEST_F(SocketTest, AReusedDescriptorIsAnotherConnection) {
  for (Family family : {Family::kTcp4, Family::kUnix}) {
    SCOPED_TRACE(Name(family));
    events_ = {};
    Capture([family] {
      Sockets sockets = Connect(family);
      for (int i = 0; i < 20; ++i) {
        Send(sockets.client, kRequest);
        Receive(sockets.server, kRequest.size());
        const int before = sockets.client;
        close(sockets.client);
        close(sockets.server);
        ConnectTo(sockets, family);
        Require(sockets.client == before, "the number is used again");
      }
    });
    const auto clients = events_.Ends(ROLE_CLIENT);
    const auto servers = events_.Ends(ROLE_SERVER);
    ASSERT_EQ(clients.size(), 20U) << "the last one moved no byte";
    ASSERT_GE(servers.size(), 20U);
    for (size_t i = 0; i < clients.size(); ++i) {
      EXPECT_EQ(End::Stream(clients[i]->sent), kRequest);
      EXPECT_EQ(End::Stream(servers[i]->received), kRequest);
      EXPECT_EQ(clients[i]->sent.front().offset, 0U);
      EXPECT_EQ(clients[i]->open.flags, 0U);
    }
  }
}

TEST_F(SocketTest, AdoptedTcpConnectionsAgreeOnEveryByte) {
  for (Family family : {Family::kTcp4, Family::kTcp6}) {
    SCOPED_TRACE(Name(family));
    events_ = {};
    Sockets sockets;
    Capture(
        [&] {
          for (int i = 0; i < 3; ++i) {
            Send(sockets.client, kRequest);
            Receive(sockets.server, kRequest.size());
            Send(sockets.server, kResponse);
            Receive(sockets.client, kResponse.size());
          }
        },
        [&] {
          sockets = Connect(family);
          Send(sockets.client, std::string(100'000, 'x'));
          Receive(sockets.server, 100'000);
          Send(sockets.server, std::string(3'000, 'y'));
          Receive(sockets.client, 3'000);
        });
    ASSERT_EQ(events_.ends.size(), 2U);
    const End& caller = *events_.ends[0];  // sends first
    const End& called = *events_.ends[1];
    EXPECT_EQ(caller.open.role, ROLE_UNKNOWN);
    EXPECT_EQ(caller.open.flags, CONN_ADOPTED);
    EXPECT_EQ(called.open.flags, CONN_ADOPTED);
    ASSERT_EQ(End::Length(caller.sent), 3 * kRequest.size());
    ASSERT_EQ(End::Length(called.received), 3 * kRequest.size());
    EXPECT_EQ(End::Stream(caller.sent).substr(0, kRequest.size()), kRequest);
    EXPECT_EQ(End::Stream(called.received).substr(0, kRequest.size()), kRequest);
    // The absolute number of the first byte, which is what a name is made of.
    EXPECT_EQ(caller.id.tx_base + static_cast<uint32_t>(caller.sent[0].offset),
              called.id.rx_base + static_cast<uint32_t>(called.received[0].offset));
    EXPECT_EQ(called.id.tx_base + static_cast<uint32_t>(called.sent[0].offset),
              caller.id.rx_base + static_cast<uint32_t>(caller.received[0].offset));
    EXPECT_EQ(called.received[0].offset, 100'000U);
    EXPECT_EQ(called.sent[0].offset, 3'000U);
    EXPECT_EQ(caller.id.tx_base + 1, called.id.rx_base) << "the SYN is counted on the side that called";
  }
}

TEST_F(SocketTest, AdoptedUnixConnectionsSaySo) {
  Sockets sockets;
  Capture(
      [&] {
        Send(sockets.client, kRequest);
        Receive(sockets.server, kRequest.size());
      },
      [&] { sockets = Connect(Family::kUnix); });
  ASSERT_EQ(events_.ends.size(), 2U);
  for (const auto& end : events_.ends) EXPECT_EQ(end->open.flags, CONN_ADOPTED);
  EXPECT_EQ(events_.ends[0]->open.peer_inode, events_.ends[1]->id.inode);
}

TEST_F(SocketTest, AHeadReadByteByByteIsWhole) {
  for (Family family : {Family::kTcp4, Family::kUnix}) {
    SCOPED_TRACE(Name(family));
    events_ = {};
    Capture([family] {
      const Sockets sockets = Connect(family);
      Send(sockets.client, kRequest);
      for (size_t i = 0; i < kRequest.size(); ++i) Receive(sockets.server, 1);
    });
    EXPECT_EQ(server().received.size(), kRequest.size());
    EXPECT_EQ(End::Stream(server().received), kRequest);
  }
}

TEST_F(SocketTest, AHeadWrittenByteByByteIsWhole) {
  Capture([] {
    const Sockets sockets = Connect(Family::kTcp4);
    for (char byte : kRequest) Send(sockets.client, std::string_view(&byte, 1));
    Receive(sockets.server, kRequest.size());
  });
  EXPECT_EQ(client().sent.size(), kRequest.size());
  EXPECT_EQ(End::Stream(client().sent), kRequest);
}

TEST_F(SocketTest, AHeadInManyIovecsIsCopiedInTheirOrder) {
  Capture([] {
    const Sockets sockets = Connect(Family::kTcp4);
    std::vector<iovec> parts;
    const char* bytes = kRequest.data();
    const size_t sizes[] = {1, 0, 3, 0, 10, kRequest.size() - 14};
    for (size_t size : sizes) {
      parts.push_back({const_cast<char*>(bytes), size});
      bytes += size;
    }
    MUST(writev(sockets.client, parts.data(), static_cast<int>(parts.size())));
    Receive(sockets.server, kRequest.size());
  });
  EXPECT_EQ(End::Stream(client().sent), kRequest);
}

TEST_F(SocketTest, MoreIovecsThanAreCopiedStillCountInFull) {
  Capture([] {
    const Sockets sockets = Connect(Family::kTcp4);
    const std::string text = std::string(kRequest) + std::string(1000 - kRequest.size(), 'b');
    std::vector<iovec> parts;
    for (size_t i = 0; i < 1000; ++i) parts.push_back({const_cast<char*>(text.data() + i), 1});
    MUST(writev(sockets.client, parts.data(), 1000));
    Receive(sockets.server, 1000);
    Send(sockets.client, kRequest);
    Receive(sockets.server, kRequest.size());
  });
  EXPECT_EQ(End::Length(client().sent), 1000 + kRequest.size());
  EXPECT_EQ(End::Stream(client().sent).substr(0, 4), "GET ");
}

TEST_F(SocketTest, ALongHeadIsCopiedUpToTheLimit) {
  std::string head = "GET / HTTP/1.1\r\n";
  while (head.size() < EVENT_HEAD_MAX + 3'000) head += "X-Filler-" + std::to_string(head.size()) + ": value\r\n";
  head += "\r\n";
  Capture([&] {
    const Sockets sockets = Connect(Family::kTcp4);
    Send(sockets.client, head);
    Receive(sockets.server, head.size());
  });
  for (const auto* events : {&client().sent, &server().received}) {
    const std::string stream = End::Stream(*events);
    ASSERT_EQ(stream.size(), head.size());
    EXPECT_EQ(stream.substr(0, EVENT_HEAD_MAX), head.substr(0, EVENT_HEAD_MAX));
    EXPECT_EQ(stream.substr(EVENT_HEAD_MAX), std::string(head.size() - EVENT_HEAD_MAX, '?'));
  }
}

TEST_F(SocketTest, BodiesStayInTheKernel) {
  const std::string body(200'000, 'b');
  Capture([&] {
    const Sockets sockets = Connect(Family::kTcp4);
    const std::string head = "POST / HTTP/1.1\r\nContent-Length: 200000\r\n\r\n";
    Send(sockets.client, head);
    std::string got;
    for (size_t sent = 0; sent < body.size(); sent += 10'000) {
      Send(sockets.client, std::string_view(body).substr(sent, 10'000));
      if (sent == 0) Receive(sockets.server, head.size());
      Receive(sockets.server, 10'000);
    }
  });
  size_t captured = 0;
  for (const auto* events : {&client().sent, &server().received}) {
    EXPECT_EQ(End::Stream(*events).size(), 43U + 200'000U);
    for (const Data& data : *events) captured += data.bytes.size();
  }
  EXPECT_LE(captured, 2U * 43U + 8U);
}

TEST_F(SocketTest, BlockingIsTheThreadThatSleptInTheCall) {
  Capture([] {
    const Sockets sockets = Connect(Family::kTcp4);
    const auto feed = [&] {
      Send(sockets.client, "GET ");
      AwaitBytes(sockets.server, 4);
    };
    char buffer[16];
    const auto take = [&](int flags) { Require(recv(sockets.server, buffer, 4, flags) == 4, "four bytes"); };
    feed(), take(0);             // 0: blocking
    feed(), take(MSG_DONTWAIT);  // 1: not
    MUST(fcntl(sockets.server, F_SETFL, O_NONBLOCK));
    feed(), take(0);  // 2: not
    pollfd one{sockets.server, POLLIN, 0};
    feed(), MUST(poll(&one, 1, -1)), take(0);  // 3: a poll of this one socket, then the read
    pollfd two[2] = {{sockets.server, POLLIN, 0}, {sockets.listener, POLLIN, 0}};
    feed(), MUST(poll(two, 2, -1)), take(0);  // 4: not, it waited for several
  });
  const auto& received = server().received;
  ASSERT_EQ(received.size(), 5U);
  const bool expected[] = {true, false, false, true, false};
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ((received[i].flags & DATA_BLOCKING) != 0, expected[i]) << i;
}

TEST_F(SocketTest, WaitsCountWhatAnEventLoopDoes) {
  Capture([] {
    const Sockets sockets = Connect(Family::kTcp4);
    const int epoll = static_cast<int>(MUST(epoll_create1(0)));
    epoll_event event{};
    event.events = EPOLLIN;
    MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, sockets.server, &event));
    const auto step = [&](auto wait) {
      Send(sockets.client, "GET ");
      wait();
      Receive(sockets.server, 4);
    };
    step([] {});                                            // 0
    step([] {});                                            // 1: no wait in between
    step([&] { MUST(epoll_wait(epoll, &event, 1, -1)); });  // 2: one
    step([&] {
      fd_set set;
      FD_ZERO(&set);
      FD_SET(sockets.server, &set);
      MUST(select(sockets.server + 1, &set, nullptr, nullptr, nullptr));
    });  // 3: one
    pollfd fds[2] = {{sockets.server, POLLIN, 0}, {sockets.listener, POLLIN, 0}};
    step([&] { MUST(poll(fds, 2, -1)); });  // 4: one
    step([&] { MUST(poll(fds, 1, -1)); });  // 5: none, this is a blocking read in two calls
    const timespec moment{0, 1000};
    step([&] { MUST(ppoll(fds, 2, &moment, nullptr)); });             // 6: one
    step([&] { MUST(epoll_pwait(epoll, &event, 1, -1, nullptr)); });  // 7: one
  });
  const auto& received = server().received;
  ASSERT_EQ(received.size(), 8U);
  const uint32_t steps[] = {0, 1, 1, 1, 0, 1, 1};
  for (size_t i = 0; i < 7; ++i) EXPECT_EQ(received[i + 1].waits - received[i].waits, steps[i]) << i + 1;
  for (const Data& data : received) EXPECT_EQ(data.flags & DATA_NO_THREAD, 0);
}

TEST_F(SocketTest, AWaitForOneConnectionThatIsOlderIsNoLoop) {
  Sockets older;
  Capture(
      [&] {
        const Sockets sockets = Connect(Family::kTcp4);
        const auto step = [&](int fd) {
          pollfd one{fd, POLLIN, 0};
          MUST(poll(&one, 1, 0));
          Send(sockets.client, "GET ");
          Receive(sockets.server, 4);
        };
        step(sockets.server);
        step(older.client);    // none: nothing of it has been seen
        step(older.listener);  // one: whoever comes next
      },
      [&] { older = Connect(Family::kTcp4); });
  const auto& received = server().received;
  ASSERT_EQ(received.size(), 3U);
  EXPECT_EQ(received[1].waits, received[0].waits);
  EXPECT_EQ(received[2].waits, received[0].waits + 1);
}

TEST_F(SocketTest, ShutdownEndsOneDirection) {
  Capture([] {
    const Sockets sockets = Connect(Family::kTcp4);
    Send(sockets.client, kRequest);
    MUST(shutdown(sockets.client, SHUT_WR));
    Receive(sockets.server, kRequest.size());
    char byte;
    Require(read(sockets.server, &byte, 1) == 0, "end of the request");
    Send(sockets.server, kResponse);
    close(sockets.server);
    Receive(sockets.client, kResponse.size());
    Require(read(sockets.client, &byte, 1) == 0, "end of the response");
  });
  ASSERT_GE(client().closes.size(), 2U);
  EXPECT_EQ(client().closes.front().how, CLOSE_LOCAL_FIN);
  EXPECT_EQ(client().closes.back().how, CLOSE_DONE);
  EXPECT_EQ(client().closes.back().error, 0);
  EXPECT_EQ(client().closes.back().tx_end, kRequest.size());
  EXPECT_EQ(End::Stream(client().received).substr(0, Head(kResponse).size()), Head(kResponse));
  EXPECT_NE(server().received.back().flags & DATA_EOF, 0);
}

}  // namespace
}  // namespace tracelet::testing
