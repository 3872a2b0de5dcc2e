// Two agents over real connections: who may ask, and what happens to who may not.
#include "exporter/peer/peers.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "exporter/peer/peer_client.h"
#include "tests/unit/exporter/certificates.h"
#include "tests/unit/exporter/waiting.h"

namespace tracelet::exporter {
namespace {

using Kind = span::PeerReply::Kind;

class PeersTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(directory_);
    config_.timeout_ms = 2'000;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ / name) << text;
    return directory_ / name;
  }
  void UseTls(config::Peer& peer, const Authority& authority, const std::string& name) const {
    const Authority::Pair pair = authority.Sign("agent.test");
    peer.tls = {.enabled = true,
                .ca_file = Write(name + "-ca.pem", authority.cert()),
                .cert_file = Write(name + "-cert.pem", pair.cert),
                .key_file = Write(name + "-key.pem", pair.key),
                .server_name = "agent.test"};
  }
  // On the first free port from a start of its own.
  void Serve(const std::string& token, PeerServer::OnAsked on_asked) {
    for (int port = 21'000 + getpid() % 20'000; !server_; ++port) {
      config_.listen = "127.0.0.1:" + std::to_string(port);
      auto started = PeerServer::Start(config_, token, on_asked);
      if (started) server_ = std::move(*started);
    }
  }
  peer::CallResult Ask(const config::Peer& client, const std::string& token, size_t names = 1) {
    PeerClient asker(client, token);
    std::promise<peer::CallResult> result;
    asker.Ask(config_.listen, std::vector<span::MessageName>(names, {.client_base = 7, .server_base = 8, .offset = 9}),
              [&](peer::CallResult got) { result.set_value(std::move(got)); });
    return result.get_future().get();
  }
  // Answers with what it was asked.
  static bool Echo(const std::shared_ptr<span::PeerAsked>& asked) {
    std::vector<span::PeerAnswer> answers;
    for (const span::MessageName& name : asked->names()) {
      answers.push_back({.kind = span::PeerAnswer::Kind::kFinal,
                         .trace_id = {name.client_base, name.server_base},
                         .span_id = {name.offset},
                         .sampled = true});
    }
    asked->Answer(std::move(answers));
    return true;
  }

  config::Peer config_;
  const std::filesystem::path directory_ =
      std::filesystem::temp_directory_path() / ("peers_test." + std::to_string(getpid()));
  std::unique_ptr<PeerServer> server_;
};

TEST_F(PeersTest, AnswersWhoHasTheToken) {
  Serve("token", Echo);
  const auto result = Ask(config_, "token", 1'000);
  ASSERT_EQ(result.kind, Kind::kAnswer) << result.error;
  ASSERT_EQ(result.answers.size(), 1'000U);
  EXPECT_EQ(result.answers[999].trace_id, (span::TraceId{7, 8}));
  EXPECT_EQ(result.answers[999].span_id, span::SpanId{9});
  EXPECT_EQ(result.answers[999].sampled, true);
  EXPECT_EQ(server_->denied(), 0U);
}

TEST_F(PeersTest, RefusesWhoHasNotAndWhoAsksTooMuch) {
  Serve("token", Echo);
  for (const char* wrong : {"", "tokem", "tokens", "toke"})
    EXPECT_EQ(Ask(config_, wrong).kind, Kind::kRefused) << wrong;
  EXPECT_EQ(server_->denied(), 4U);
  EXPECT_EQ(Ask(config_, "token", 1'001).kind, Kind::kRefused);
}

TEST_F(PeersTest, TurnsAwayWhatItCannotTake) {
  Serve("token", [](const auto&) { return false; });
  EXPECT_EQ(Ask(config_, "token").kind, Kind::kRefused);
}

TEST_F(PeersTest, AQuestionThatIsNeverAnsweredEndsInTime) {
  std::vector<std::shared_ptr<span::PeerAsked>> kept;
  Serve("token", [&](auto asked) {
    kept.push_back(std::move(asked));
    return true;
  });
  config_.timeout_ms = 100;
  EXPECT_EQ(Ask(config_, "token").kind, Kind::kSilent);
  kept.front()->Answer(std::vector<span::PeerAnswer>(1));  // too late, and harmless
}

TEST_F(PeersTest, StoppingEndsWhatWaits) {
  std::vector<std::shared_ptr<span::PeerAsked>> kept;
  std::atomic<bool> asked{false};
  Serve("token", [&](auto batch) {
    kept.push_back(std::move(batch));
    asked = true;
    return true;
  });
  std::thread asker([this] { EXPECT_EQ(Ask(config_, "token").kind, Kind::kSilent); });
  Await([&] { return asked.load(); });
  kept.clear();
  server_->Stop();
  asker.join();
}

TEST_F(PeersTest, WithTlsBothSidesShowWhoTheyAre) {
  const Authority authority;
  const Authority stranger;
  UseTls(config_, authority, "server");
  Serve("token", Echo);
  config::Peer client = config_;
  UseTls(client, authority, "client");
  EXPECT_EQ(Ask(client, "token").kind, Kind::kAnswer);
  EXPECT_EQ(Ask(client, "wrong").kind, Kind::kRefused);
  UseTls(client, stranger, "stranger");
  EXPECT_EQ(Ask(client, "token").kind, Kind::kSilent);
  client.tls.ca_file = config_.tls.ca_file;  // it trusts the server, which does not trust it
  EXPECT_EQ(Ask(client, "token").kind, Kind::kSilent);
  client.tls.enabled = false;
  EXPECT_EQ(Ask(client, "token").kind, Kind::kSilent);
}

TEST_F(PeersTest, SecretsOfOneFileAreAlikeAndOfAnotherAreNot) {
  const auto none = peer::ReadSecrets("");
  ASSERT_TRUE(none);
  EXPECT_EQ(none->key, span::InstallationKey{});
  const auto one = peer::ReadSecrets(Write("one", "0123456789abcdef\n"));
  const auto same = peer::ReadSecrets(Write("same", "0123456789abcdef"));
  const auto other = peer::ReadSecrets(Write("other", "0123456789abcdeF"));
  ASSERT_TRUE(one && same && other);
  EXPECT_EQ(one->key, same->key);
  EXPECT_EQ(one->token, same->token);
  EXPECT_NE(one->key, other->key);
  EXPECT_NE(one->token, other->token);
  EXPECT_EQ(one->token.size(), 64U);
  EXPECT_FALSE(peer::ReadSecrets(Write("short", "0123456789abcde\n")));
  EXPECT_FALSE(peer::ReadSecrets(directory_ / "absent"));
}

TEST_F(PeersTest, RunsOnlyWhenSomethingIsNamed) {
  const auto none = Peers::Start({}, {});
  ASSERT_TRUE(none);
  EXPECT_EQ(*none, nullptr);
  config::Peer wrong;
  wrong.agents = {{"nowhere", "a:1"}};
  EXPECT_FALSE(Peers::Start(wrong, {}));
}

}  // namespace
}  // namespace tracelet::exporter
