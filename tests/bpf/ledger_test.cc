// Nothing is lost without being counted, and nothing stays behind.
#include <bpf/bpf.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/bpf/capture.h"

namespace tracelet::testing {
namespace {

using LedgerTest = CaptureTest;

void Load(int connections, int exchanges) {
  for (int i = 0; i < connections; ++i) {
    const Sockets sockets = Connect(Family::kTcp4);
    for (int j = 0; j < exchanges; ++j) {
      Send(sockets.client, kRequest);
      Receive(sockets.server, kRequest.size());
      Send(sockets.server, kResponse);
      Receive(sockets.client, kResponse.size());
    }
    for (int fd : {sockets.client, sockets.server, sockets.listener}) close(fd);
  }
}

void AwaitAll(int processes) {
  for (int i = 0; i < processes; ++i) {
    int status = -1;
    MUST(wait(&status));
    Require(status == 0, "a process of the load failed");
  }
}

// Processes at the same time, so that all CPUs write.
void LoadInParallel(int processes, int connections, int exchanges) {
  for (int i = 0; i < processes; ++i) {
    if (MUST(fork()) == 0) {
      Load(connections, exchanges);
      _exit(0);
    }
  }
  AwaitAll(processes);
}

// The fixture asserts attempted == consumed + ring_full == what the sink got, exactly.
TEST_F(LedgerTest, AllArrivesInOrderUnderLoad) {
  settings_.cpus_per_ring = 1;
  settings_.ring_bytes = 32 << 20;  // all of it, should the reader get no CPU until the end
  Capture([] { LoadInParallel(4, 20, 100); });
  EXPECT_EQ(ledger_.ring_full, 0U);
  EXPECT_EQ(events_.Ends(ROLE_CLIENT).size(), 80U);
  for (const auto& end : events_.ends) {
    EXPECT_EQ(End::Length(end->open.role == ROLE_CLIENT ? end->sent : end->received), 100 * kRequest.size());
  }
}

TEST_F(LedgerTest, WhatATinyRingLosesIsCountedAndShowsAsGaps) {
  settings_.ring_bytes = 16'384;
  settings_.drain_interval_ms = 200;
  Capture([] { LoadInParallel(4, 20, 100); });
  EXPECT_GT(ledger_.ring_full, 0U);
  EXPECT_GT(ledger_.consumed, 0U);
  size_t holes = 0, bytes = 0;
  for (const auto& end : events_.ends) {
    for (const auto* events : {&end->sent, &end->received}) {
      uint64_t next = 0;
      for (const Data& data : *events) {
        ASSERT_GE(data.offset, next);
        holes += data.offset > next ? 1 : 0;
        next = data.offset + data.length;
        // What did come is still placed right.
        const bool request = (end->open.role == ROLE_CLIENT) == (events == &end->sent);
        const std::string_view message = request ? kRequest : kResponse;
        EXPECT_EQ(data.bytes, message.substr(data.offset % message.size(), data.bytes.size()));
        bytes += data.bytes.size();
      }
    }
  }
  EXPECT_GT(holes, 0U);
  EXPECT_GT(bytes, 0U);
}

// `processes` that live at the same time, one exchange each.
void LoadOfThreads(int processes) {
  int go[2], done[2];
  MUST(pipe(go));
  MUST(pipe(done));
  for (int i = 0; i < processes; ++i) {
    if (MUST(fork()) != 0) continue;
    char byte = 0;
    close(go[1]);
    MUST(read(go[0], &byte, 1));  // the end: all are there
    Load(1, 1);
    close(done[1]);
    MUST(read(done[0], &byte, 1));  // all have ended
    _exit(0);
  }
  close(done[0]);
  for (int fd : {go[0], go[1], done[1]}) close(fd);
  AwaitAll(processes);
}

TEST_F(LedgerTest, ThreadsFindAPlaceWhereverTheirNumbersTell) {
  settings_.max_threads = 16;
  Capture([] { LoadOfThreads(THREAD_WAYS - 1); });
  EXPECT_EQ(ledger_.threads_full, 0U);
  EXPECT_EQ(events_.Ends(ROLE_CLIENT).size(), THREAD_WAYS - 1U);
}

TEST_F(LedgerTest, ThreadsWithoutAPlaceAreCounted) {
  settings_.max_threads = 16;
  Capture([] { LoadOfThreads(100); });
  EXPECT_GT(ledger_.threads_full, 0U);
  EXPECT_GT(events_.Ends(ROLE_CLIENT).size(), 0U);
  EXPECT_LT(events_.Ends(ROLE_CLIENT).size(), 100U);
  for (const End* end : events_.Ends(ROLE_CLIENT)) EXPECT_EQ(End::Stream(end->sent), kRequest);
}

TEST_F(LedgerTest, AnExecByAnotherThreadLeavesNoPlaceBehind) {
  settings_.max_threads = 16;
  Capture([] {
    for (int i = 0; i < 100; ++i) {
      if (MUST(fork()) != 0) {
        AwaitAll(1);
        continue;
      }
      std::thread([] {
        execl("/bin/true", "true", nullptr);
        _exit(1);
      }).join();
    }
  });
  EXPECT_EQ(ledger_.threads_full, 0U);
}

// Ids of the programs and links that a process holds; other agents may run on this kernel.
struct Held {
  std::vector<uint32_t> programs;
  std::vector<uint32_t> links;
};

Held HeldBy(pid_t pid) {
  Held held;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fdinfo")) {
    std::ifstream file(entry.path());
    std::string key;
    bool link = false;
    for (uint32_t id; file >> key;) {
      if (key == "link_id:" && file >> id) held.links.push_back(id), link = true;
      if (key == "prog_id:" && file >> id && !link) held.programs.push_back(id);
    }
  }
  return held;
}

// The kernel frees them after a grace period, in the background.
void ExpectGone(const Held& held) {
  ASSERT_GE(held.programs.size(), 5U);
  ASSERT_GE(held.links.size(), 5U);
  const auto left = [&] {
    size_t count = 0;
    for (uint32_t id : held.programs) count += UniqueFd(bpf_prog_get_fd_by_id(id)) ? 1 : 0;
    for (uint32_t id : held.links) count += UniqueFd(bpf_link_get_fd_by_id(id)) ? 1 : 0;
    return count;
  };
  for (int i = 0; i < 100 && left() > 0; ++i) usleep(100'000);
  EXPECT_EQ(left(), 0U);
}

TEST_F(LedgerTest, StopLeavesNothingAttached) {
  auto source = source::BpfSource::Start({}, {});
  ASSERT_TRUE(source.has_value()) << source.error().message;
  const Held held = HeldBy(getpid());
  (*source)->Stop();
  for (uint32_t id : held.links) EXPECT_FALSE(UniqueFd(bpf_link_get_fd_by_id(id))) << "still attached";
  source->reset();
  ExpectGone(held);
}

class NoSink : public source::EventSink {
 public:
  void OnClock(const source::ClockPair&) override {}
  void OnProcess(const process::ProcessInfo&) override {}
  void OnEvent(const event_header&) override {}
  void OnWatermark(uint64_t) override {}
};

TEST_F(LedgerTest, AKilledAgentLeavesNothingAttachedAndHarmsNobody) {
  int ready[2];
  MUST(pipe(ready));
  const pid_t agent = static_cast<pid_t>(MUST(fork()));
  if (agent == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    auto source = source::BpfSource::Start({}, {});
    Require(source.has_value(), "start");
    char byte = 0;
    MUST(write(ready[1], &byte, 1));
    NoSink sink;
    while (*(*source)->Poll(sink, std::chrono::milliseconds(20))) {
    }
    _exit(1);
  }
  close(ready[1]);
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1) << "it did not start";
  const Held held = HeldBy(agent);
  Stage stage([] {}, [] { Load(200, 50); });
  stage.Go();
  usleep(100'000);
  kill(agent, SIGKILL);
  waitpid(agent, nullptr, 0);
  EXPECT_TRUE(stage.Finish());
  ExpectGone(held);
}

TEST_F(LedgerTest, ErrorsSayWhatToDo) {
  config::Source settings;
  settings.ring_bytes = 5'000;
  auto source = source::BpfSource::Start(settings, {});
  ASSERT_FALSE(source.has_value());
  EXPECT_NE(source.error().message.find("ring"), std::string::npos) << source.error().message;

  const pid_t child = static_cast<pid_t>(MUST(fork()));
  if (child == 0) {
    MUST(setuid(65'534));
    auto refused = source::BpfSource::Start({}, {});
    Require(!refused.has_value(), "started without privileges");
    Require(refused.error().message.find("run as root, or with CAP_BPF") != std::string::npos,
            refused.error().message.c_str());
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace tracelet::testing
