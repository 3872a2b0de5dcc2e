#include "agent/peer/desk.h"

#include <gmock/gmock.h>

#include "tests/unit/exporter/waiting.h"

namespace tracelet::peer {
namespace {

using exporter::Await;
using span::MessageName;
using span::PeerAnswer;
using span::PeerReply;

struct Sent {
  std::string endpoint;
  std::vector<MessageName> names;
  Transport::Done done;
};

// Answers when the test says so.
class FakeTransport : public Transport {
 public:
  explicit FakeTransport(std::vector<Sent>& sent, std::mutex& mutex) : sent_(sent), mutex_(mutex) {}
  void Ask(const std::string& endpoint, std::vector<MessageName> names, Done done) override {
    const std::lock_guard lock(mutex_);
    sent_.push_back({endpoint, std::move(names), std::move(done)});
  }
  void Stop() override {}

 private:
  std::vector<Sent>& sent_;
  std::mutex& mutex_;
};

struct Batch : span::PeerAsked {
  explicit Batch(size_t count) : names_(count) {}
  [[nodiscard]] const std::vector<MessageName>& names() const override { return names_; }
  void Answer(std::vector<PeerAnswer>) override {}

 private:
  std::vector<MessageName> names_;
};

class DeskTest : public testing::Test {
 protected:
  DeskTest() {
    table_->Replace({{"10.0.0.1", "one:1"}});
    config_.batch_ms = 1;
    config_.max_asked = 10;
    desk_ = std::make_unique<Desk>(config_, table_, std::make_unique<FakeTransport>(sent_, mutex_));
  }
  std::vector<Sent> Take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(sent_, {});
  }
  std::vector<Sent> TakeOne() {
    Await([this] {
      const std::lock_guard lock(mutex_);
      return !sent_.empty();
    });
    return Take();
  }
  static CallResult Final(size_t count) {
    return {.kind = PeerReply::Kind::kAnswer,
            .answers = std::vector<PeerAnswer>(count, {.kind = PeerAnswer::Kind::kFinal, .trace_id = {1, 2}}),
            .error = {}};
  }

  config::Peer config_;
  std::shared_ptr<TableDirectory> table_ = std::make_shared<TableDirectory>();
  std::mutex mutex_;
  std::vector<Sent> sent_;
  std::unique_ptr<Desk> desk_;
};

TEST_F(DeskTest, QuestionsOfAWhileAreOneCallAndEachGetsItsReply) {
  for (uint64_t id = 1; id <= 3; ++id) {
    EXPECT_EQ(desk_->Ask(id, {.client_base = static_cast<uint32_t>(id)}, "10.0.0.1"), 1U);
  }
  size_t asked = 0;
  while (asked < 3) {
    for (const Sent& sent : TakeOne()) {
      EXPECT_EQ(sent.endpoint, "one:1");
      asked += sent.names.size();
      sent.done(Final(sent.names.size()));
    }
  }
  const auto replies = desk_->TakeReplies();
  ASSERT_EQ(replies.size(), 3U);
  for (const PeerReply& reply : replies) EXPECT_EQ(reply.answer.trace_id, (span::TraceId{1, 2}));
  EXPECT_EQ(desk_->TakeReplies().size(), 0U);
}

TEST_F(DeskTest, NobodyIsAskedAboutAnUnknownAddress) {
  EXPECT_FALSE(desk_->Knows("10.0.0.2"));
  EXPECT_EQ(desk_->Ask(1, {}, "10.0.0.2"), 0U);
}

TEST_F(DeskTest, AnAgentThatCannotBeReachedIsLeftAloneForAWhile) {
  desk_->Ask(1, {}, "10.0.0.1");
  TakeOne().front().done({.kind = PeerReply::Kind::kSilent, .answers = {}, .error = "away"});
  desk_->Ask(2, {}, "10.0.0.1");
  std::vector<PeerReply> replies;
  Await([&] {
    for (const PeerReply& reply : desk_->TakeReplies()) replies.push_back(reply);
    return replies.size() == 2;
  });
  EXPECT_EQ(replies[1].kind, PeerReply::Kind::kSilent);
  EXPECT_EQ(desk_->numbers().calls, 1U);
  EXPECT_EQ(desk_->numbers().left_alone, 1U);
}

TEST_F(DeskTest, AnAnswerWithTooFewAnswersIsNone) {
  desk_->Ask(1, {}, "10.0.0.1");
  TakeOne().front().done(Final(0));
  const auto replies = desk_->TakeReplies();
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].kind, PeerReply::Kind::kRefused);
}

TEST_F(DeskTest, MoreQuestionsOfOthersThanConfiguredAreTurnedAway) {
  EXPECT_TRUE(desk_->OnAsked(std::make_shared<Batch>(7)));
  EXPECT_FALSE(desk_->OnAsked(std::make_shared<Batch>(4)));
  EXPECT_TRUE(desk_->OnAsked(std::make_shared<Batch>(3)));
  EXPECT_EQ(desk_->TakeAsked().size(), 2U);
  EXPECT_TRUE(desk_->OnAsked(std::make_shared<Batch>(10)));
  EXPECT_EQ(desk_->numbers().turned_away, 4U);
}

// Of two agents one knows the client: from then on only it is asked, until it knows nothing.
TEST(DeskOfAService, LearnsWhichAgentSeesAClient) {
  struct Two : Directory {
    [[nodiscard]] std::vector<std::string> Find(const std::string&) const override { return {"a:1", "b:1"}; }
  };
  config::Peer config;
  config.batch_ms = 1;
  std::mutex mutex;
  std::vector<Sent> sent;
  Desk desk(config, std::make_shared<Two>(), std::make_unique<FakeTransport>(sent, mutex));
  const auto ask = [&](uint64_t id, size_t expected, PeerAnswer::Kind of_b) {
    EXPECT_EQ(desk.Ask(id, {}, "10.0.0.1"), expected);
    size_t answered = 0;
    Await([&] {
      const std::lock_guard lock(mutex);
      return sent.size() == expected;
    });
    for (const Sent& one : std::exchange(sent, {})) {
      const auto kind = one.endpoint == "b:1" ? of_b : PeerAnswer::Kind::kUnknown;
      one.done({.kind = PeerReply::Kind::kAnswer, .answers = {{.kind = kind, .trace_id = {1, 1}}}, .error = {}});
      ++answered;
    }
    EXPECT_EQ(answered, expected);
  };
  ask(1, 2, PeerAnswer::Kind::kFinal);
  ask(2, 1, PeerAnswer::Kind::kUnknown);
  ask(3, 2, PeerAnswer::Kind::kFinal);
}

}  // namespace
}  // namespace tracelet::peer
