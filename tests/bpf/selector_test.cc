// What is captured and what is not, for each way to select.
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "tests/bpf/capture.h"

namespace tracelet::testing {
namespace {

void Exchange(const Sockets& sockets) {
  Send(sockets.client, kRequest);
  Receive(sockets.server, kRequest.size());
  Send(sockets.server, kResponse);
  Receive(sockets.client, kResponse.size());
}

void ConnectAndExchange(Family family = Family::kTcp4) { Exchange(Connect(family)); }

void InChild(const std::function<void()>& act) {
  const pid_t child = static_cast<pid_t>(MUST(fork()));
  if (child == 0) {
    act();
    _exit(0);
  }
  int status = -1;
  MUST(waitpid(child, &status, 0));
  Require(status == 0, "the child failed");
}

class SelectorCaptureTest : public CaptureTest {
 protected:
  std::set<uint32_t> Tgids() {
    std::set<uint32_t> tgids;
    for (const event_header& header : events_.headers) {
      if (header.kind == EVENT_DATA) tgids.insert(header.tgid);
    }
    return tgids;
  }
};

TEST_F(SelectorCaptureTest, ATreeIncludesGrandchildrenAndNobodyElse) {
  Stage stranger([] {}, [] { ConnectAndExchange(); });
  Capture([] {
    ConnectAndExchange();
    InChild([] { InChild([] { ConnectAndExchange(); }); });
    usleep(100'000);
  });
  EXPECT_EQ(Tgids().size(), 2U);
  EXPECT_FALSE(Tgids().contains(static_cast<uint32_t>(stranger.pid())));
  EXPECT_EQ(events_.processes.size(), 2U);
  stranger.Go();
}

TEST_F(SelectorCaptureTest, ATreeIncludesChildrenThatWereThereBefore) {
  int go[2], done[2];
  MUST(pipe(go));
  MUST(pipe(done));
  char byte = 0;
  Capture(
      [&] {
        MUST(write(go[1], &byte, 1));
        Require(read(done[0], &byte, 1) == 1, "the child");
      },
      [&] {
        if (MUST(fork()) != 0) return;
        MUST(read(go[0], &byte, 1));
        ConnectAndExchange();
        MUST(write(done[1], &byte, 1));
        _exit(0);
      });
  EXPECT_EQ(Tgids().size(), 1U);
}

TEST_F(SelectorCaptureTest, APidIsThatProcessAlone) {
  pid_t stage = 0;
  CaptureSelected(
      [&](pid_t pid) {
        stage = pid;
        config::Selector selector;
        selector.pids = {static_cast<uint32_t>(pid)};
        return selector;
      },
      [] {
        ConnectAndExchange();
        InChild([] { ConnectAndExchange(); });
      });
  EXPECT_EQ(Tgids(), std::set<uint32_t>{static_cast<uint32_t>(stage)});
}

TEST_F(SelectorCaptureTest, TheAgentItselfIsNeverTraced) {
  CaptureSelected(
      [](pid_t) {
        config::Selector selector;
        selector.pids = {static_cast<uint32_t>(getpid())};
        return selector;
      },
      [] { ConnectAndExchange(); });
  EXPECT_TRUE(events_.headers.empty());
}

TEST_F(SelectorCaptureTest, PortsMatchEitherEnd) {
  Sockets wanted, other;
  uint16_t port = 0;
  int port_pipe[2];
  MUST(pipe(port_pipe));
  CaptureSelected(
      [&](pid_t) {
        MUST(read(port_pipe[0], &port, sizeof(port)));
        config::Selector selector;
        selector.ports = {port};
        return selector;
      },
      [&] {
        ConnectTo(wanted, Family::kTcp4);
        Exchange(wanted);
        Exchange(other);
        ConnectAndExchange(Family::kUnix);
      },
      [&] {
        wanted = Connect(Family::kTcp4);
        other = Connect(Family::kTcp4);
        sockaddr_storage address{};
        socklen_t size = sizeof(address);
        MUST(getsockname(wanted.listener, reinterpret_cast<sockaddr*>(&address), &size));
        const auto* bytes = reinterpret_cast<const uint8_t*>(&address) + 2;  // sin_port
        const auto host = static_cast<uint16_t>(bytes[0] << 8 | bytes[1]);
        MUST(write(port_pipe[1], &host, sizeof(host)));
      });
  ASSERT_EQ(events_.ends.size(), 2U);
  EXPECT_EQ(client().open.remote_port, port);
  EXPECT_EQ(server().open.local_port, port);
  EXPECT_EQ(End::Stream(client().sent), kRequest);
}

TEST_F(SelectorCaptureTest, ANetworkNamespaceIsThatNamespaceAlone) {
  const int home = static_cast<int>(MUST(open("/proc/self/ns/net", O_RDONLY)));
  CaptureSelected(
      [](pid_t pid) {
        config::Selector selector;
        selector.netns = "/proc/" + std::to_string(pid) + "/ns/net";
        return selector;
      },
      [home] {
        ConnectAndExchange();
        MUST(setns(home, CLONE_NEWNET));
        ConnectAndExchange();
      },
      [] {
        MUST(unshare(CLONE_NEWNET));
        const int fd = static_cast<int>(MUST(socket(AF_INET, SOCK_DGRAM, 0)));
        ifreq request{};
        std::snprintf(request.ifr_name, sizeof(request.ifr_name), "lo");
        MUST(ioctl(fd, SIOCGIFFLAGS, &request));
        request.ifr_flags |= IFF_UP;
        MUST(ioctl(fd, SIOCSIFFLAGS, &request));
      });
  EXPECT_EQ(events_.ends.size(), 2U);
  EXPECT_EQ(End::Stream(client().sent), kRequest);
}

// A copy of this machine's bash at a path of its own, which talks to a port given.
class ExecutableTest : public SelectorCaptureTest {
 protected:
  ExecutableTest() {
    char name[] = "/tmp/capture_test.XXXXXX";
    directory_ = mkdtemp(name);
    std::filesystem::copy_file("/bin/bash", directory_ + "/wanted");
    std::filesystem::copy_file("/bin/bash", directory_ + "/other");
  }
  ~ExecutableTest() override { std::filesystem::remove_all(directory_); }

  config::Selector Select() const {
    config::Selector selector;
    selector.exes = {directory_ + "/wan*"};
    return selector;
  }
  // bash opens a TCP connection by itself.
  void Run(const std::string& program, int listener) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    MUST(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size));
    const auto* bytes = reinterpret_cast<const uint8_t*>(&address) + 2;
    const std::string script = "exec 3<>/dev/tcp/127.0.0.1/" + std::to_string(bytes[0] << 8 | bytes[1]) +
                               "; printf 'GET / HTTP/1.1\\r\\n\\r\\n' >&3";
    InChild([&] { execl((directory_ + "/" + program).c_str(), program.c_str(), "-c", script.c_str(), nullptr); });
  }
  [[nodiscard]] std::set<std::string> Executables() const {
    std::set<std::string> names;
    for (const auto& info : events_.processes) names.insert(info.exe);
    return names;
  }

  std::string directory_;
};

TEST_F(ExecutableTest, ShortLivedProcessesAreJudgedByTheirExecutable) {
  CaptureSelected([&](pid_t) { return Select(); },
                  [&] {
                    const Sockets sockets = Connect(Family::kTcp4);
                    for (int i = 0; i < 3; ++i) Run("other", sockets.listener);
                    for (int i = 0; i < 3; ++i) Run("wanted", sockets.listener);
                  });
  EXPECT_EQ(Executables(), std::set<std::string>{directory_ + "/wanted"});
  EXPECT_EQ(events_.Ends(ROLE_CLIENT).size(), 3U);
  EXPECT_GT(ledger_.not_selected, 0U);
}

TEST_F(ExecutableTest, ExecOfAnIgnoredProcessIsJudgedAgain) {
  CaptureSelected([&](pid_t) { return Select(); },
                  [&] {
                    const Sockets sockets = Connect(Family::kTcp4);
                    InChild([&] {
                      ConnectAndExchange();  // as this test's executable: ignored
                      usleep(200'000);       // until that is known
                      ConnectAndExchange();
                      Run("wanted", sockets.listener);
                    });
                    InChild([&] {
                      ConnectAndExchange();
                      usleep(200'000);
                      sockaddr_storage address{};
                      socklen_t size = sizeof(address);
                      MUST(getsockname(sockets.listener, reinterpret_cast<sockaddr*>(&address), &size));
                      const auto* bytes = reinterpret_cast<const uint8_t*>(&address) + 2;
                      const std::string script = "exec 3<>/dev/tcp/127.0.0.1/" +
                                                 std::to_string(bytes[0] << 8 | bytes[1]) + "; printf 'GET /' >&3";
                      execl((directory_ + "/wanted").c_str(), "wanted", "-c", script.c_str(), nullptr);
                    });
                  });
  EXPECT_EQ(Executables(), std::set<std::string>{directory_ + "/wanted"});
  EXPECT_EQ(events_.Ends(ROLE_CLIENT).size(), 2U);
}

TEST_F(SelectorCaptureTest, ACgroupOfEitherVersionIsItAndAllBelow) {
  int tried = 0;
  for (const std::string root : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/pids"}) {
    if (!std::filesystem::exists(root + "/cgroup.procs")) continue;
    ++tried;
    SCOPED_TRACE(root);
    events_ = {};
    const std::string group = root + "/tracelet-test-" + std::to_string(getpid());
    std::filesystem::create_directories(group + "/below");
    const auto enter = [](const std::string& directory) {
      std::ofstream file(directory + "/cgroup.procs");
      file << getpid() << std::flush;
      Require(file.good(), "enter a cgroup");
    };
    CaptureSelected(
        [&](pid_t) {
          config::Selector selector;
          selector.cgroup = group;
          return selector;
        },
        [&] {
          InChild([&] { ConnectAndExchange(); });  // outside
          for (const std::string& directory : {group, group + "/below"}) {
            InChild([&] {
              enter(directory);
              ConnectAndExchange();
              usleep(100'000);  // the path of a cgroup v1 is read while the process lives
            });
          }
        });
    EXPECT_EQ(Tgids().size(), 2U);
    EXPECT_EQ(events_.Ends(ROLE_CLIENT).size(), 2U);
    std::filesystem::remove(group + "/below");
    std::filesystem::remove(group);
  }
  EXPECT_GT(tried, 0);
}

TEST_F(SelectorCaptureTest, AnIgnoredConnectionSaysNoMore) {
  Stage stage([] {},
              [] {
                const Sockets sockets = Connect(Family::kTcp4);
                Exchange(sockets);
                usleep(300'000);
                for (int i = 0; i < 50; ++i) Exchange(sockets);
              });
  config::Selector selector;
  selector.tree = static_cast<uint32_t>(stage.pid());
  auto source = source::BpfSource::Start({}, selector);
  ASSERT_TRUE(source.has_value()) << source.error().message;
  stage.Go();
  while (events_.Ends(ROLE_CLIENT).empty()) ASSERT_TRUE(*(*source)->Poll(events_, std::chrono::milliseconds(20)));
  (*source)->Ignore(client().id, false);
  EXPECT_TRUE(stage.Finish());
  (*source)->Stop();
  while (*(*source)->Poll(events_, {})) {
  }
  EXPECT_LT(client().sent.size(), 10U);
  EXPECT_GE(server().received.size(), 51U);
}

}  // namespace
}  // namespace tracelet::testing
