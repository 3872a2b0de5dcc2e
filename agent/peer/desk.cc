#include "agent/peer/desk.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace tracelet::peer {

using span::PeerAnswer;
using span::PeerReply;

Desk::Desk(const config::Peer& config, std::shared_ptr<const Directory> directory, std::unique_ptr<Transport> transport)
    : config_(config), directory_(std::move(directory)), transport_(std::move(transport)), thread_([this] { Run(); }) {}

Desk::~Desk() { Close(); }

void Desk::Close() {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    closed_ = true;
    asked_.clear();
  }
  wake_.notify_all();
  thread_.join();
  transport_->Stop();
}

bool Desk::Knows(const std::string& address) const { return !directory_->Find(address).empty(); }

size_t Desk::Ask(uint64_t question, const span::MessageName& name, const std::string& address) {
  std::vector<std::string> endpoints = directory_->Find(address);
  const std::lock_guard lock(mutex_);
  if (closed_) return 0;
  const bool one_of_several = endpoints.size() > 1;
  if (one_of_several) {
    const auto learned = learned_.find(address);
    if (learned != learned_.end()) endpoints = {learned->second};
  }
  if (agents_.size() >= kMaxAgents) {
    std::erase_if(agents_, [](const auto& agent) { return agent.second.calls == 0 && agent.second.waiting.empty(); });
  }
  for (const std::string& endpoint : endpoints) {
    agents_[endpoint].waiting.push_back({question, name, address, one_of_several});
  }
  return endpoints.size();
}

std::vector<PeerReply> Desk::TakeReplies() {
  const std::lock_guard lock(mutex_);
  return std::exchange(replies_, {});
}

std::vector<std::shared_ptr<span::PeerAsked>> Desk::TakeAsked() {
  const std::lock_guard lock(mutex_);
  asked_names_ = 0;
  return std::exchange(asked_, {});
}

bool Desk::OnAsked(std::shared_ptr<span::PeerAsked> asked) {
  const size_t names = asked->names().size();
  const std::lock_guard lock(mutex_);
  if (closed_ || asked_names_ + names > config_.max_asked) {
    numbers_.turned_away += names;
    return false;
  }
  numbers_.asked += names;
  asked_names_ += names;
  asked_.push_back(std::move(asked));
  return true;
}

DeskNumbers Desk::numbers() const {
  const std::lock_guard lock(mutex_);
  DeskNumbers numbers = numbers_;
  numbers.agents = agents_.size();
  return numbers;
}

void Desk::Run() {
  std::unique_lock lock(mutex_);
  while (!closed_) {
    auto batches = TakeBatches(Clock::now());
    lock.unlock();
    for (auto& [endpoint, batch] : batches) Send(endpoint, std::move(batch));
    lock.lock();
    wake_.wait_for(lock, std::chrono::milliseconds(config_.batch_ms), [this] { return closed_; });
  }
}

std::vector<std::pair<std::string, Desk::Batch>> Desk::TakeBatches(Clock::time_point now) {
  std::vector<std::pair<std::string, Batch>> batches;
  for (auto& [endpoint, agent] : agents_) {
    if (now < agent.left_alone_until) {
      numbers_.left_alone += agent.waiting.size();
      for (const Question& question : agent.waiting) replies_.push_back({.question = question.id, .answer = {}});
      agent.waiting.clear();
    }
    while (!agent.waiting.empty() && agent.calls < kMaxCalls) {
      const auto end = agent.waiting.begin() + static_cast<ptrdiff_t>(std::min(kMaxBatch, agent.waiting.size()));
      Batch batch(std::make_move_iterator(agent.waiting.begin()), std::make_move_iterator(end));
      agent.waiting.erase(agent.waiting.begin(), end);
      ++agent.calls;
      ++numbers_.calls;
      batches.emplace_back(endpoint, std::move(batch));
    }
  }
  return batches;
}

void Desk::Send(const std::string& endpoint, Batch batch) {
  std::vector<span::MessageName> names;
  names.reserve(batch.size());
  for (const Question& question : batch) names.push_back(question.name);
  const auto kept = std::make_shared<const Batch>(std::move(batch));
  transport_->Ask(endpoint, std::move(names),
                  [this, endpoint, kept](const CallResult& result) { OnDone(endpoint, *kept, result); });
}

void Desk::OnDone(const std::string& endpoint, const Batch& batch, const CallResult& result) {
  const std::lock_guard lock(mutex_);
  Agent& agent = agents_[endpoint];
  --agent.calls;
  const bool answered = result.kind == PeerReply::Kind::kAnswer && result.answers.size() == batch.size();
  if (!answered) {
    ++numbers_.failed_calls;
    agent.left_alone_until = Clock::now() + kBackoff;
    if (!std::exchange(agent.complained, true))
      spdlog::warn("the agent at {} does not answer: {}", endpoint, result.error);
  } else if (std::exchange(agent.complained, false)) {
    spdlog::info("the agent at {} answers again", endpoint);
  }
  for (size_t i = 0; i < batch.size(); ++i) {
    PeerReply reply{.question = batch[i].id, .kind = result.kind, .answer = {}};
    if (answered) {
      reply.answer = result.answers[i];
      Learn(endpoint, batch[i], reply.answer);
    } else if (result.kind == PeerReply::Kind::kAnswer) {
      reply.kind = PeerReply::Kind::kRefused;
    }
    replies_.push_back(reply);
  }
}

void Desk::Learn(const std::string& endpoint, const Question& question, const PeerAnswer& answer) {
  if (!question.one_of_several) return;
  if (answer.kind == PeerAnswer::Kind::kUnknown) {
    const auto learned = learned_.find(question.address);
    // Whoever is asked next, it is all of them: addresses move.
    if (learned != learned_.end() && learned->second == endpoint) learned_.erase(learned);
    return;
  }
  if (learned_.size() >= kMaxLearned) learned_.clear();
  learned_[question.address] = endpoint;
}

}  // namespace tracelet::peer
