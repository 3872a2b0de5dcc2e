#include "tests/bpf/stage.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstring>

namespace tracelet::testing {

void Require(bool holds, const char* what) {
  if (holds) return;
  std::perror(what);
  _exit(1);
}

long Must(long result, const char* what) {
  Require(result >= 0, what);
  return result;
}

Stage::Stage(Act before, Act traffic) {
  int go[2], ready[2];
  MUST(pipe(go));
  MUST(pipe(ready));
  pid_ = static_cast<pid_t>(MUST(fork()));
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(go[1]);
    before();
    char byte = 0;
    MUST(write(ready[1], &byte, 1));
    Require(read(go[0], &byte, 1) == 1, "the test ended first");
    traffic();
    _exit(0);
  }
  close(go[0]);
  close(ready[1]);
  char byte = 0;
  Require(read(ready[0], &byte, 1) == 1, "the stage did not get ready");
  close(ready[0]);
  go_ = go[1];
}

Stage::~Stage() {
  close(go_);
  if (!gone_) Finish();
}

void Stage::Go() {
  const char byte = 0;
  MUST(write(go_, &byte, 1));
}

bool Stage::Finish() {
  int status = -1;
  waitpid(pid_, &status, 0);
  gone_ = true;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::string_view Name(Family family) {
  constexpr std::string_view kNames[] = {"Tcp4", "Tcp6", "Mapped", "Unix"};
  return kNames[static_cast<int>(family)];
}

namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

// Where to listen; the port is chosen by the kernel. kMapped: an IPv6 listener that
// an IPv4 client calls.
Address ListenAddress(Family family) {
  Address address;
  if (family == Family::kUnix) {
    auto* path = reinterpret_cast<sockaddr_un*>(&address.storage);
    path->sun_family = AF_UNIX;  // abstract: nothing is left behind
    const int length = std::snprintf(path->sun_path + 1, sizeof(path->sun_path) - 1, "tracelet-test-%d", getpid());
    address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + static_cast<size_t>(length));
  } else if (family == Family::kTcp4) {
    auto* in = reinterpret_cast<sockaddr_in*>(&address.storage);
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.size = sizeof(*in);
  } else {
    auto* in = reinterpret_cast<sockaddr_in6*>(&address.storage);
    in->sin6_family = AF_INET6;
    in->sin6_addr = family == Family::kTcp6 ? in6addr_loopback : in6addr_any;
    address.size = sizeof(*in);
  }
  return address;
}

}  // namespace

void ConnectTo(Sockets& sockets, Family family) {
  Address address = ListenAddress(family);
  if (family != Family::kUnix) {
    address.size = sizeof(address.storage);
    MUST(getsockname(sockets.listener, address.get(), &address.size));
  }
  if (family == Family::kMapped) {
    const in_port_t port = reinterpret_cast<sockaddr_in6*>(&address.storage)->sin6_port;
    address = ListenAddress(Family::kTcp4);
    reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port = port;
  }
  sockets.client = static_cast<int>(MUST(socket(address.get()->sa_family, SOCK_STREAM, 0)));
  MUST(connect(sockets.client, address.get(), address.size));
  sockets.server = static_cast<int>(MUST(accept(sockets.listener, nullptr, nullptr)));
  if (family == Family::kUnix) return;
  const int one = 1;
  MUST(setsockopt(sockets.client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)));
  MUST(setsockopt(sockets.server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)));
}

Sockets Connect(Family family) {
  Sockets sockets;
  Address address = ListenAddress(family);
  sockets.listener = static_cast<int>(MUST(socket(address.get()->sa_family, SOCK_STREAM, 0)));
  MUST(bind(sockets.listener, address.get(), address.size));
  MUST(listen(sockets.listener, 64));
  ConnectTo(sockets, family);
  return sockets;
}

void Send(int fd, std::string_view bytes) {
  while (!bytes.empty()) bytes.remove_prefix(static_cast<size_t>(MUST(write(fd, bytes.data(), bytes.size()))));
}

std::string Receive(int fd, size_t size) {
  std::string bytes(size, 0);
  for (size_t have = 0; have < size;) {
    const long got = MUST(read(fd, bytes.data() + have, size - have));
    Require(got > 0, "the peer closed early");
    have += static_cast<size_t>(got);
  }
  return bytes;
}

void AwaitBytes(int fd, int size) {
  for (int have = 0; have < size; usleep(200)) MUST(ioctl(fd, FIONREAD, &have));
}

void CloseAbruptly(int fd) {
  const linger abrupt{.l_onoff = 1, .l_linger = 0};
  MUST(setsockopt(fd, SOL_SOCKET, SO_LINGER, &abrupt, sizeof(abrupt)));
  MUST(close(fd));
}

}  // namespace tracelet::testing
