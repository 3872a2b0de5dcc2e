// The questions between this agent and the others, in both directions: gathers the
// capture thread's into batches for each agent, one thread of its own sends them, and
// what comes in waits here until the capture thread looks.
//
// Of a service whose agents are many, it learns which one sees a client, and asks only
// that one from then on. An agent that could not be reached is left alone for kBackoff.
//
// Bounded: questions by config::Peer.max_questions (PeerRule) times max_fanout, batches of
// others by max_asked, what is learned by kMaxLearned.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "agent/peer/directory.h"
#include "agent/peer/transport.h"
#include "agent/span/peer_link.h"
#include "config/config.h"

namespace tracelet::peer {

struct DeskNumbers {
  uint64_t calls = 0;         // batches that were sent
  uint64_t failed_calls = 0;  // of these
  uint64_t left_alone = 0;    // questions for an agent that could not be reached a moment ago
  uint64_t asked = 0;         // questions of others that were taken
  uint64_t turned_away = 0;   // and that were not: too many waited
  uint64_t agents = 0;        // that were asked since the start
};

class Desk : public span::PeerLink {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kBackoff{500};
  static constexpr size_t kMaxBatch = 1'000;      // names in one call, either way
  static constexpr size_t kMaxCalls = 4;          // at once, to one agent
  static constexpr size_t kMaxLearned = 100'000;  // clients; then it starts over
  static constexpr size_t kMaxAgents = 4'096;     // remembered; then those with nothing to do are forgotten

  Desk(const config::Peer& config, std::shared_ptr<const Directory> directory, std::unique_ptr<Transport> transport);
  ~Desk() override;

  // Capture thread.
  [[nodiscard]] bool Knows(const std::string& address) const override;
  size_t Ask(uint64_t question, const span::MessageName& name, const std::string& address) override;
  std::vector<span::PeerReply> TakeReplies() override;
  std::vector<std::shared_ptr<span::PeerAsked>> TakeAsked() override;

  // Any thread. False when too many wait, or the desk is closed.
  bool OnAsked(std::shared_ptr<span::PeerAsked> asked);
  // No more questions either way; those that wait are dropped. Once.
  void Close();
  [[nodiscard]] DeskNumbers numbers() const;

 private:
  struct Question {
    uint64_t id = 0;
    span::MessageName name;
    std::string address;
    bool one_of_several = false;
  };
  struct Agent {
    std::vector<Question> waiting;
    size_t calls = 0;
    Clock::time_point left_alone_until;
    bool complained = false;  // once per outage
  };
  using Batch = std::vector<Question>;

  void Run();
  // Those to send now.
  std::vector<std::pair<std::string, Batch>> TakeBatches(Clock::time_point now);
  void Send(const std::string& endpoint, Batch batch);
  void OnDone(const std::string& endpoint, const Batch& batch, const CallResult& result);
  void Learn(const std::string& endpoint, const Question& question, const span::PeerAnswer& answer);

  const config::Peer config_;
  const std::shared_ptr<const Directory> directory_;
  const std::unique_ptr<Transport> transport_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool closed_ = false;
  std::map<std::string, Agent> agents_;                   // by endpoint
  std::unordered_map<std::string, std::string> learned_;  // client's address -> endpoint
  std::vector<span::PeerReply> replies_;
  std::vector<std::shared_ptr<span::PeerAsked>> asked_;
  size_t asked_names_ = 0;
  DeskNumbers numbers_;
  std::thread thread_;
};

}  // namespace tracelet::peer
