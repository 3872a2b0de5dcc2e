#include "agent/ingest/sender_pids.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/base/unique_fd.h"

namespace tracelet::ingest {
namespace {

class SenderPidsTest : public testing::Test {
 protected:
  SenderPidsTest() : socket_(socket(AF_INET, SOCK_DGRAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address));
    socklen_t size = sizeof(address);
    getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = address.sin_port;
  }
  // From that address, and the port of our socket.
  sockaddr_storage From(const char* host) const {
    sockaddr_storage from{};
    auto& address = reinterpret_cast<sockaddr_in&>(from);
    address.sin_family = AF_INET;
    address.sin_port = port_;
    inet_pton(AF_INET, host, &address.sin_addr);
    return from;
  }

  UniqueFd socket_;
  uint16_t port_ = 0;
  SenderPids senders_;
};

TEST_F(SenderPidsTest, FindsTheProcessThatHasTheSocket) {
  EXPECT_EQ(senders_.Find(From("127.0.0.1")).pid, static_cast<uint32_t>(getpid()));
  EXPECT_EQ(senders_.Find(From("127.0.0.1")).pid, static_cast<uint32_t>(getpid()));
}

TEST_F(SenderPidsTest, AnotherHostsPortIsNobodysHere) { EXPECT_EQ(senders_.Find(From("192.0.2.1")).port, 0U); }

TEST_F(SenderPidsTest, SaysWhereThePortIsEvenWhenTheSocketIsGone) {
  socket_ = UniqueFd();
  struct stat own {};
  ASSERT_EQ(stat("/proc/self/ns/net", &own), 0);
  const SenderPids::Sender sender = senders_.Find(From("127.0.0.1"));
  EXPECT_EQ(sender.port, ntohs(port_));
  EXPECT_EQ(sender.netns, own.st_ino);
  EXPECT_EQ(sender.pid, 0U);
}

TEST_F(SenderPidsTest, ASocketOfTwoProcessesIsNobodys) {
  int hold[2];
  ASSERT_EQ(pipe(hold), 0);
  const pid_t child = fork();
  if (child == 0) {
    char byte = 0;
    close(hold[1]);
    _exit(static_cast<int>(read(hold[0], &byte, 1)));
  }
  EXPECT_EQ(senders_.Find(From("127.0.0.1")).pid, 0U);
  close(hold[0]);
  close(hold[1]);
  waitpid(child, nullptr, 0);
}

TEST_F(SenderPidsTest, APortThatWasClosedIsLookedForAgain) {
  EXPECT_NE(senders_.Find(From("127.0.0.1")).pid, 0U);
  socket_ = UniqueFd();
  EXPECT_EQ(senders_.Find(From("127.0.0.1")).pid, 0U);
}

}  // namespace
}  // namespace tracelet::ingest
