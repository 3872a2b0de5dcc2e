#include "agent/kubernetes/watch.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/kubernetes/api_client.h"
#include "agent/kubernetes/cluster.h"
#include "agent/kubernetes/objects.h"
#include "tests/unit/exporter/waiting.h"
#include "tests/unit/kubernetes/api_server.h"

namespace tracelet::kubernetes {
namespace {

using exporter::Await;

class WatchTest : public testing::Test {
 protected:
  WatchTest() {
    config_.token_file = testing::TempDir() + "/token." + std::to_string(getpid());
    config_.max_backoff_ms = 100;
    SetToken("first");
  }
  ~WatchTest() override { std::filesystem::remove(config_.token_file); }

  void SetToken(const std::string& token) const { std::ofstream(config_.token_file) << token << "\n"; }

  std::unique_ptr<Watch> Start(const ApiServer& server) {
    config_.api = server.address();
    WatchHandler handler;
    handler.put = [this](const nlohmann::json& object) {
      const std::lock_guard lock(mutex_);
      names_.insert(TextAt(object, {"metadata", "name"}));
    };
    handler.remove = [this](const nlohmann::json& object) {
      const std::lock_guard lock(mutex_);
      names_.erase(TextAt(object, {"metadata", "name"}));
    };
    handler.begin_list = [this] {
      const std::lock_guard lock(mutex_);
      names_.clear();
    };
    handler.end_list = [] {};
    return std::make_unique<Watch>(config_, "/api/v1/pods", "fieldSelector=spec.nodeName%3Dworker-node02",
                                   std::move(handler));
  }

  std::set<std::string> names() {
    const std::lock_guard lock(mutex_);
    return names_;
  }

  config::Kubernetes config_;
  std::mutex mutex_;
  std::set<std::string> names_;
};

size_t Count(ApiServer& server, const std::string& part) {
  size_t count = 0;
  for (const auto& question : server.questions()) count += question.target.find(part) != std::string::npos ? 1 : 0;
  return count;
}

TEST_F(WatchTest, ListsThenHearsOfChanges) {
  ApiServer server;
  server.SetList(Recorded("pods.json"));
  const auto watch = Start(server);
  Await([&] { return names().size() == 2; });
  EXPECT_TRUE(watch->numbers().connected);
  server.Say(Recorded("watch_pods.json"));
  Await([&] { return names() == std::set<std::string>{"log-7b9pv"}; });
  const auto questions = server.questions();
  EXPECT_EQ(questions[0].target, "/api/v1/pods?fieldSelector=spec.nodeName%3Dworker-node02&resourceVersion=0");
  EXPECT_NE(questions[1].target.find("&resourceVersion=427"), std::string::npos) << questions[1].target;
  EXPECT_EQ(questions[0].authorization, "Bearer first");
  EXPECT_EQ(watch->AwayFor(), Watch::Clock::duration::zero());
}

TEST_F(WatchTest, AStreamThatEndsIsTakenUpWhereItWasLeft) {
  ApiServer server;
  server.SetList(Recorded("pods.json"));
  const auto watch = Start(server);
  server.Say(Recorded("watch_pods.json"));  // ends with a bookmark at 509
  Await([&] { return watch->numbers().events == 6; });
  SetToken("second");
  server.EndStream();
  Await([&] { return Count(server, "&resourceVersion=509") == 1; });
  EXPECT_EQ(watch->numbers().lists, 1u);
  EXPECT_EQ(watch->numbers().failures, 0u);
  EXPECT_EQ(server.questions().back().authorization, "Bearer second");
}

TEST_F(WatchTest, ListsAgainWhenTheVersionIsForgotten) {
  ApiServer server;
  server.SetList(Recorded("pods.json"));
  const auto watch = Start(server);
  server.Say(R"({"type":"ERROR","object":{"kind":"Status","status":"Failure","reason":"Expired","code":410}})"
             "\n");
  Await([&] { return watch->numbers().lists == 2; });
  EXPECT_EQ(watch->numbers().failures, 0u);
}

TEST_F(WatchTest, WhatIsNoEventEndsTheStreamAndNothingElse) {
  ApiServer server;
  server.SetList(Recorded("pods.json"));
  const auto watch = Start(server);
  server.Say("not json\n");
  Await([&] { return watch->numbers().failures == 1 && Count(server, "watch=1") == 2; });
  server.Say(Recorded("watch_pods.json"));
  Await([&] { return watch->numbers().events == 6; });
  EXPECT_EQ(names(), std::set<std::string>{"log-7b9pv"});
}

TEST_F(WatchTest, RefusedAndAwayItTriesAgainAndHeals) {
  int port = 0;
  std::unique_ptr<Watch> watch;
  {
    ApiServer server;
    port = server.port();
    server.SetList(R"({"kind":"Status","message":"pods is forbidden","code":403})", 403);
    watch = Start(server);
    Await([&] { return watch->numbers().failures >= 3; });
    EXPECT_FALSE(watch->numbers().connected);
    EXPECT_GT(watch->AwayFor(), Watch::Clock::duration::zero());
    server.SetList(Recorded("pods.json"));
    Await([&] { return watch->numbers().connected; });
  }
  Await([&] { return !watch->numbers().connected; });
  EXPECT_EQ(names().size(), 2u) << "what is known stays known";
  ApiServer again("/api/v1/pods", port);
  again.SetList(Recorded("pods.json"));
  Await([&] { return watch->numbers().connected; });
  EXPECT_EQ(watch->numbers().lists, 1u) << "taken up where it was left";
}

TEST_F(WatchTest, EndsAtOnceWhileAStreamIsOpen) {
  ApiServer server;
  server.SetList(Recorded("pods.json"));
  const auto watch = Start(server);
  Await([&] { return watch->numbers().streams == 1; });
  const auto begin = Watch::Clock::now();
  watch->Stop();
  EXPECT_LT(Watch::Clock::now() - begin, std::chrono::seconds(2));
}

// Between two questions, too, and while one has no connection yet.
TEST_F(WatchTest, EndsAtOnceWheneverItIsTold) {
  ApiServer server;
  server.SetList(Recorded("pods.json"));
  for (int i = 0; i < 60; ++i) {
    const auto watch = Start(server);
    std::this_thread::sleep_for(std::chrono::microseconds(100 * i));
    const auto begin = Watch::Clock::now();
    watch->Stop();
    ASSERT_LT(Watch::Clock::now() - begin, std::chrono::seconds(2)) << i;
  }
}

TEST_F(WatchTest, AfterItIsCancelledNothingIsAsked) {
  ApiServer server;
  server.SetList(Recorded("pods.json"));
  config_.api = server.address();
  ApiClient client(config_);
  EXPECT_EQ(client.Get("/api/v1/pods").status, 200);
  client.Cancel();
  EXPECT_EQ(client.Get("/api/v1/pods").status, 0);
  EXPECT_EQ(server.questions().size(), 1u);
}

#ifdef TRACELET_SANITIZED
constexpr bool kSanitized = true;  // slow, and keeps what was freed
#else
constexpr bool kSanitized = false;
#endif

// A node's share of the largest clusters (500 pods), and events without end.
TEST_F(WatchTest, MemoryStaysWithinBounds) {
  const auto resident_kib = [] {
    std::ifstream file("/proc/self/statm");
    uint64_t pages = 0;
    file >> pages >> pages;
    return pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) / 1'024;
  };
  nlohmann::json list = nlohmann::json::parse(Recorded("pods.json"));
  const nlohmann::json pod = list["items"][0];
  list["items"].clear();
  for (int i = 0; i < 500; ++i) {
    list["items"].push_back(pod);
    list["items"].back()["metadata"]["uid"] = "uid-" + std::to_string(i);
  }
  ApiServer server;
  server.SetList(list.dump());
  config_.api = server.address();
  config_.peers = false;
  const uint64_t before = resident_kib();
  Cluster cluster(config_, "worker-node02");
  Await([&] { return cluster.pods().size() == 500; });
  std::string lines;
  for (int i = 0; i < 200; ++i)
    lines += nlohmann::json{{"type", "MODIFIED"}, {"object", list["items"][0]}}.dump() + "\n";
  const uint64_t version = cluster.pods().version();
  const int repetitions = kSanitized ? 1 : 20;
  for (int i = 0; i < repetitions; ++i) server.Say(lines);
  Await([&] { return cluster.pods().version() == version + 200 * repetitions; });
  EXPECT_EQ(cluster.pods().size(), 500u);
  const uint64_t grown = resident_kib() - before;
  RecordProperty("grown_kib", static_cast<int>(grown));
  if (!kSanitized) {
    EXPECT_LT(grown, 40u << 10);
  }
}

}  // namespace
}  // namespace tracelet::kubernetes
