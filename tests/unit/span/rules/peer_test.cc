// Several stitchers that ask each other over a network which the test controls.
#include "agent/span/rules/peer.h"

#include <gmock/gmock.h>

#include <deque>
#include <random>

#include "agent/span/attributes.h"
#include "tests/unit/span/stitch_bench.h"

namespace tracelet::span {
namespace {

constexpr uint64_t kMs = 1'000'000;

// One node: its stitcher, what it passed on, and its mailboxes.
class TestNode : public SpanSink, public PeerLink {
 public:
  struct Asked : PeerAsked {
    explicit Asked(std::vector<MessageName> asked) : names_(std::move(asked)) {}
    [[nodiscard]] const std::vector<MessageName>& names() const override { return names_; }
    void Answer(std::vector<PeerAnswer> given) override { answers = std::move(given); }
    std::vector<PeerAnswer> answers;

   private:
    std::vector<MessageName> names_;
  };
  struct Question {
    uint64_t id = 0;
    MessageName name;
    std::string address;
    std::shared_ptr<Asked> asked = {};  // once it has reached the other node
  };

  explicit TestNode(const InstallationKey& key = kKey, const config::Peer& peer = {})
      : stitcher({}, key, *this, Outside{.peer_config = peer, .peers = this}) {}

  void OnSpan(std::shared_ptr<const Span> span) override {
    spans[std::get<int64_t>(span->attributes.at(0).value)] = *span;
  }
  void OnWatermark(uint64_t) override {}
  [[nodiscard]] bool Knows(const std::string& address) const override { return address != "nobody"; }
  size_t Ask(uint64_t question, const MessageName& name, const std::string& address) override {
    questions.push_back({question, name, address});
    return 1;
  }
  std::vector<PeerReply> TakeReplies() override { return std::exchange(replies, {}); }
  std::vector<std::shared_ptr<PeerAsked>> TakeAsked() override { return std::exchange(asked, {}); }

  std::deque<Question> questions;
  std::vector<PeerReply> replies;
  std::vector<std::shared_ptr<PeerAsked>> asked;
  std::map<int64_t, Span> spans;
  Stitcher stitcher;
};

class PeerRuleTest : public testing::Test {
 protected:
  RequestStart Start(Kind kind, uint32_t name, uint32_t thread, const std::string& from) {
    RequestStart start;
    start.kind = kind;
    start.first.time_ns = now_ns_;
    start.first.process = {.tgid = thread, .start_ns = 1};
    start.first.tid = thread;
    start.first.waits_known = start.first.thread_born = start.first.blocking = true;
    start.blocking = true;
    start.connection = name;
    start.name = MessageName{.client_base = name, .server_base = 9, .offset = 0};
    auto endpoints = std::make_shared<conn::Endpoints>();
    endpoints->remote_address = from;
    start.endpoints = endpoints;
    return start;
  }
  int64_t Serve(TestNode& node, uint32_t name, uint32_t thread, const std::string& from) {
    return Begin(node, Start(Kind::kServer, name, thread, from));
  }
  int64_t Call(TestNode& node, uint32_t name, uint32_t thread) {
    return Begin(node, Start(Kind::kClient, name, thread, ""));
  }
  int64_t Begin(TestNode& node, RequestStart start) {
    node.stitcher.OnRequestStart(++handle_, std::move(start));
    return static_cast<int64_t>(handle_);
  }
  void End(TestNode& node, int64_t handle) {
    auto span = std::make_unique<HandleSpan>(handle);
    span->end_unix_ns = now_ns_;
    node.stitcher.OnRequestEnd(static_cast<uint64_t>(handle), std::move(span));
  }
  // Lets time pass in steps; the nodes' questions travel to "a", "b", "c", in one step each way.
  void Pass(uint64_t ms) {
    for (uint64_t passed = 0; passed < ms; passed += 20) {
      now_ns_ += 20 * kMs;
      for (auto& [name, node] : nodes_) node->stitcher.OnWatermark(now_ns_, now_ns_);
      for (auto& [name, node] : nodes_) Travel(*node);
    }
  }
  void Travel(TestNode& node) {
    std::deque<TestNode::Question> going = std::exchange(node.questions, {});
    for (TestNode::Question& question : going) {
      const auto to = nodes_.find(question.address);
      const bool lost = to == nodes_.end() || lose_();
      if (lost) {
        node.replies.push_back({.question = question.id, .kind = PeerReply::Kind::kSilent, .answer = {}});
      } else if (!question.asked) {
        question.asked = std::make_shared<TestNode::Asked>(std::vector{question.name});
        to->second->asked.push_back(question.asked);
        node.questions.push_back(question);
      } else if (question.asked->answers.empty()) {
        node.questions.push_back(question);
      } else {
        node.replies.push_back(
            {.question = question.id, .kind = PeerReply::Kind::kAnswer, .answer = question.asked->answers.front()});
      }
    }
  }
  static void ExpectBalance(const TestNode& node) {
    const PeerLedger& ledger = node.stitcher.peers();
    EXPECT_EQ(ledger.begun, ledger.ended.Total() + ledger.open);
  }

  uint64_t now_ns_ = 1'000'000'000;
  uint64_t handle_ = 0;
  std::function<bool()> lose_ = [] { return false; };
  TestNode a_, b_, c_;
  std::map<std::string, TestNode*> nodes_ = {{"a", &a_}, {"b", &b_}, {"c", &c_}};
};

TEST_F(PeerRuleTest, JoinsACallToTheRequestThatArrivedElsewhere) {
  const int64_t call = Call(a_, 1, 100);
  const int64_t served = Serve(b_, 1, 200, "a");
  End(b_, served);
  End(a_, call);
  Pass(2'000);
  EXPECT_EQ(b_.spans[served].parent_span_id, a_.spans[call].span_id);
  EXPECT_EQ(b_.spans[served].trace_id, a_.spans[call].trace_id);
  EXPECT_EQ(b_.spans[served].link, LinkRule::kPeer);
  EXPECT_EQ(b_.stitcher.peers().ended[PeerOutcome::kAnswered], 1U);
  ExpectBalance(b_);
}

// c asks b before b has heard of a: it is told to wait, and hears a's trace.
TEST_F(PeerRuleTest, AChainOfThreeNodesIsOneTrace) {
  RequestStart first = Start(Kind::kClient, 1, 100, "");
  first.context = TraceContext{.trace_id = {7, 8}, .parent_id = {9}, .sampled = false, .trace_state = ""};
  const int64_t call = Begin(a_, first);
  const int64_t middle = Serve(b_, 1, 200, "a");
  const int64_t next = Call(b_, 2, 200);
  const int64_t last = Serve(c_, 2, 300, "b");
  for (const auto& [node, handle] : {std::pair(&c_, last), {&b_, next}, {&b_, middle}, {&a_, call}}) End(*node, handle);
  Pass(2'000);
  EXPECT_GT(b_.stitcher.peers().told_pending, 0U);
  for (const Span& span : {b_.spans[middle], b_.spans[next], c_.spans[last]}) {
    EXPECT_EQ(span.trace_id, (TraceId{7, 8}));
    EXPECT_EQ(span.sampled_by_caller, false);
  }
  EXPECT_EQ(b_.spans[next].parent_span_id, b_.spans[middle].span_id);
  EXPECT_EQ(c_.spans[last].parent_span_id, b_.spans[next].span_id);
}

// a learns its trace late: b and c wait longer than their hold time, and b's promise outlives its span.
TEST_F(PeerRuleTest, WaitsForAsLongAsTheOthersWait) {
  const int64_t root = Serve(a_, 5, 100, "d");  // nobody at d, until later
  const int64_t call = Call(a_, 1, 100);
  const int64_t served = Serve(b_, 1, 200, "a");
  const int64_t next = Call(b_, 2, 200);
  const int64_t last = Serve(c_, 2, 300, "b");
  for (const auto& [node, handle] : {std::pair(&c_, last), {&b_, next}, {&b_, served}, {&a_, call}, {&a_, root}}) {
    End(*node, handle);
  }
  Pass(4'000);
  ASSERT_EQ(c_.spans.size() + b_.spans.size() + a_.spans.size(), 5U);
  EXPECT_EQ(a_.spans[root].refused, LinkRefusal::kNoAnswer);
  EXPECT_EQ(c_.spans[last].trace_id, a_.spans[root].trace_id);
  EXPECT_EQ(c_.spans[last].link, LinkRule::kPeer);
  EXPECT_EQ(b_.spans[served].trace_id, a_.spans[root].trace_id);
}

TEST_F(PeerRuleTest, WithoutAnAnswerItIsARootThatKnowsItsDerivedParent) {
  const int64_t served = Serve(b_, 1, 200, "d");
  End(b_, served);
  Pass(2'000);
  const Span& span = b_.spans[served];
  EXPECT_FALSE(span.parent_span_id);
  EXPECT_EQ(span.refused, LinkRefusal::kNoAnswer);
  const auto derived = IdsOf({.client_base = 1, .server_base = 9, .offset = 0}, kKey).client;
  EXPECT_EQ(std::get<std::string>(span.attributes.back().value), derived.Hex());
  EXPECT_EQ(span.attributes.back().key, attributes::kDerivedParent);
  EXPECT_EQ(b_.stitcher.peers().ended[PeerOutcome::kTimedOut], 1U);
}

TEST_F(PeerRuleTest, ACallThatTheOtherAgentHasNotSeenIsRefused) {
  const int64_t served = Serve(b_, 1, 200, "a");
  End(b_, served);
  Pass(2'000);
  EXPECT_FALSE(b_.spans[served].parent_span_id);
  EXPECT_EQ(b_.spans[served].refused, LinkRefusal::kUnknownToPeer);
  EXPECT_GT(a_.stitcher.peers().told_unknown, 1U);  // it may only not have seen it yet
}

TEST_F(PeerRuleTest, NobodyIsAskedWhereNoAgentIs) {
  const int64_t served = Serve(b_, 1, 200, "nobody");
  End(b_, served);
  Pass(2'000);
  EXPECT_EQ(b_.spans[served].refused, LinkRefusal::kNone);
  EXPECT_EQ(b_.stitcher.peers().begun, 0U);
}

TEST_F(PeerRuleTest, ACallerOnThisNodeWithdrawsTheQuestion) {
  const int64_t served = Serve(b_, 1, 200, "a");
  const int64_t call = Call(b_, 1, 100);
  End(b_, served);
  End(b_, call);
  Pass(2'000);
  EXPECT_EQ(b_.spans[served].link, LinkRule::kSequence);
  EXPECT_EQ(b_.stitcher.peers().ended[PeerOutcome::kWithdrawn], 1U);
  EXPECT_EQ(b_.stitcher.peers().asked, 0U);
}

// Another key: the parent's id would be one that no span has.
TEST_F(PeerRuleTest, AnAnswerWithAnotherIdThanTheNameGivesIsRefused) {
  TestNode stranger(InstallationKey{9});
  nodes_["s"] = &stranger;
  const int64_t call = Call(stranger, 1, 100);
  const int64_t served = Serve(b_, 1, 200, "s");
  End(b_, served);
  End(stranger, call);
  Pass(2'000);
  EXPECT_FALSE(b_.spans[served].parent_span_id);
  EXPECT_EQ(b_.stitcher.peers().ended[PeerOutcome::kRefused], 1U);
}

TEST_F(PeerRuleTest, AHeadersTraceStandsAgainstAnotherAnswer) {
  const TraceContext header{.trace_id = {1, 2}, .parent_id = {3}, .sampled = true, .trace_state = ""};
  const int64_t call = Call(a_, 1, 100);
  RequestStart start = Start(Kind::kServer, 1, 200, "a");
  start.context = header;
  const int64_t served = Begin(b_, start);
  End(b_, served);
  End(a_, call);
  Pass(2'000);
  EXPECT_EQ(b_.spans[served].link, LinkRule::kHeader);
  EXPECT_EQ(b_.spans[served].parent_span_id, header.parent_id);
  EXPECT_EQ(b_.spans[served].trace_id, header.trace_id);
}

// Both ends see the header: the client's span lies between it and the server's.
TEST_F(PeerRuleTest, TheCallersSpanGoesBetweenAHeaderAndTheRequest) {
  const TraceContext header{.trace_id = {1, 2}, .parent_id = {3}, .sampled = true, .trace_state = ""};
  RequestStart sent = Start(Kind::kClient, 1, 100, "");
  RequestStart received = Start(Kind::kServer, 1, 200, "a");
  sent.context = received.context = header;
  const int64_t call = Begin(a_, sent);
  const int64_t served = Begin(b_, received);
  End(b_, served);
  End(a_, call);
  Pass(2'000);
  EXPECT_EQ(b_.spans[served].parent_span_id, a_.spans[call].span_id);
  EXPECT_EQ(b_.spans[served].trace_id, header.trace_id);
  EXPECT_EQ(a_.spans[call].parent_span_id, header.parent_id);
}

TEST_F(PeerRuleTest, MoreQuestionsThanConfiguredAreRefusedAndCounted) {
  config::Peer few;
  few.max_questions = 2;
  TestNode node(kKey, few);
  nodes_["n"] = &node;
  for (uint32_t i = 0; i < 5; ++i) Serve(node, 10 + i, 200 + i, "a");
  EXPECT_EQ(node.stitcher.peers().open, 2U);
  EXPECT_EQ(node.stitcher.peers().ended[PeerOutcome::kTableFull], 3U);
  ExpectBalance(node);
}

// Chains through all nodes over a network that loses and delays: a parent is right or it is not there.
TEST_F(PeerRuleTest, IsNeverWrongHoweverBadTheNetwork) {
  std::mt19937 random(7);
  lose_ = [&] { return random() % 5 == 0; };
  struct Hop {
    TestNode* node;
    int64_t server;
    int64_t client;
  };
  const std::vector<std::pair<std::string, TestNode*>> order = {{"a", &a_}, {"b", &b_}, {"c", &c_}};
  std::vector<std::vector<Hop>> chains;
  for (uint32_t chain = 0; chain < 300; ++chain) {
    std::vector<Hop> hops;
    std::string from = "nobody";
    for (uint32_t i = 0; i < 5; ++i) {
      const auto& [name, node] = order[random() % order.size()];
      const uint32_t thread = 1'000 + chain * 10 + i;
      const int64_t server = Serve(*node, chain * 10 + i, thread, from);
      const int64_t client = Call(*node, chain * 10 + i + 1, thread);
      hops.push_back({node, server, client});
      from = name;
      if (random() % 2 == 0) Pass(20);
    }
    for (auto hop = hops.rbegin(); hop != hops.rend(); ++hop) {
      End(*hop->node, hop->client);
      End(*hop->node, hop->server);
    }
    chains.push_back(std::move(hops));
  }
  Pass(12'000);
  size_t joined = 0;
  for (const auto& hops : chains) {
    for (size_t i = 0; i < hops.size(); ++i) {
      const Span& server = hops[i].node->spans.at(hops[i].server);
      EXPECT_EQ(hops[i].node->spans.at(hops[i].client).trace_id, server.trace_id);
      if (i == 0 || !server.parent_span_id) continue;
      const Span& caller = hops[i - 1].node->spans.at(hops[i - 1].client);
      EXPECT_EQ(server.parent_span_id, caller.span_id);
      EXPECT_EQ(server.trace_id, caller.trace_id);
      ++joined;
    }
  }
  EXPECT_GT(joined, 1'000U);  // of 1,200
  for (const auto& [name, node] : nodes_) ExpectBalance(*node);
}

}  // namespace
}  // namespace tracelet::span
