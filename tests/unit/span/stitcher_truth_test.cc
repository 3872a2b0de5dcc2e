// Threads of several kinds of server, run in a random order by a simulation that knows who
// caused each call. The stitcher sees what the kernel would report. Whatever it links must
// be true; what it must be able to link is checked where nothing is missing.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <unordered_map>

#include "agent/span/stitcher.h"
#include "tests/unit/span/handle_span.h"

namespace tracelet::span {
namespace {

enum class ThreadKind : uint8_t {
  kBlocking,    // one connection or pool job at a time, read by itself
  kDispatcher,  // reads requests, blocking, and hands them over
  kPool,        // works for the dispatchers
  kListener,    // waits for listeners, accepts, reads, works (gunicorn's sync worker)
  kLoop,        // waits for many connections; calls for any request of its process
};

struct Job {
  uint64_t handle = 0;
  uint64_t connection = 0;
};

struct SimThread {
  ThreadKind kind = ThreadKind::kBlocking;
  size_t process = 0;
  uint32_t tid = 0;
  uint32_t thread_start = 1;
  bool born = true;
  uint32_t waits = 0;
  uint32_t lost = 0;
  uint64_t connection = 0;
  bool connection_lost = false;  // some event of it
  uint64_t turn_began_ns = 0;
  bool turn_taken = false;  // the blocking read of this turn was made
  std::vector<Job> jobs;    // in order
};

struct Rates {
  double lost_start = 0;  // the head of a request is never seen
  double adopted = 0;
  double pipelined = 0;
  double untraced = 0;  // a call's server is on another host
};

class Simulation : public SpanSink {
 public:
  Simulation(uint64_t seed, const Rates& rates) : random_(seed), rates_(rates), stitcher_({}, {9}, *this) {
    constexpr ThreadKind kMixtures[][2] = {{ThreadKind::kBlocking, ThreadKind::kBlocking},
                                           {ThreadKind::kDispatcher, ThreadKind::kPool},
                                           {ThreadKind::kListener, ThreadKind::kListener},
                                           {ThreadKind::kLoop, ThreadKind::kLoop},
                                           {ThreadKind::kLoop, ThreadKind::kBlocking}};
    for (size_t process = 0; process < std::size(kMixtures); ++process) {
      queues_.emplace_back();
      for (uint32_t i = 0; i < 6; ++i) {
        SimThread thread;
        thread.kind = kMixtures[process][i % 2];
        thread.process = process;
        thread.tid = 100 + i;
        thread.born = !Chance(rates.adopted);
        if (thread.kind == ThreadKind::kLoop && thread.born) thread.waits = 1;  // it waits before its first read
        threads_.push_back(thread);
      }
    }
  }

  void Run(int steps) {
    for (int i = 0; i < steps; ++i) {
      now_ns_ += random_() % 3'000'000;
      Step(threads_[random_() % threads_.size()]);
      if (i % 16 == 0) stitcher_.OnWatermark(now_ns_, now_ns_);
    }
    while (!open_.empty()) End(open_.begin()->first);
    stitcher_.Flush();
  }

  void OnSpan(std::shared_ptr<const Span> span) override {
    const auto handle = static_cast<uint64_t>(std::get<int64_t>(span->attributes.at(0).value));
    by_id_[span->span_id] = handle;
    spans_[handle] = std::move(span);
  }
  void OnWatermark(uint64_t /*unix_ns*/) override {}

  // Counts per rule: right, refused or unlinked though there is a cause, wrong.
  struct Score {
    int right = 0;
    int none = 0;
    int wrong = 0;
  };
  Score Calls(ThreadKind kind) const { return Count(Kind::kClient, kind); }
  Score Served() const { return Count(Kind::kServer, std::nullopt); }
  // Every linked span has its parent's trace.
  int WrongTraces() const {
    int wrong = 0;
    for (const auto& [handle, span] : spans_) {
      const auto parent = by_id_.find(span->parent_span_id);
      if (parent != by_id_.end() && spans_.at(parent->second)->trace_id != span->trace_id) ++wrong;
    }
    return wrong;
  }
  const Stitcher& stitcher() const { return stitcher_; }

 private:
  struct Unanswered {
    uint64_t at_ns;
    uint64_t handle;
    MessageName name;
  };

  bool Chance(double probability) { return static_cast<double>(random_() % 1'000'000) < probability * 1e6; }

  void Step(SimThread& thread) {
    switch (thread.kind) {
      case ThreadKind::kBlocking:
        if (thread.jobs.empty() && Chance(0.05)) Reborn(thread);
        if (thread.jobs.empty() || (thread.jobs.size() < 3 && Chance(rates_.pipelined))) {
          Read(thread, thread.connection, true);
        } else {
          Work(thread, thread.jobs);
        }
        break;
      case ThreadKind::kDispatcher: {
        Read(thread, ++connections_, true);
        auto& queue = queues_[thread.process];
        queue.insert(queue.end(), thread.jobs.begin(), thread.jobs.end());
        thread.jobs.clear();
        break;
      }
      case ThreadKind::kPool:
        if (thread.jobs.empty() && !queues_[thread.process].empty()) {
          thread.jobs.push_back(queues_[thread.process].front());
          queues_[thread.process].erase(queues_[thread.process].begin());
        }
        if (!thread.jobs.empty()) Work(thread, thread.jobs);
        break;
      case ThreadKind::kListener:
        if (thread.jobs.empty()) {
          ++thread.waits;
          Read(thread, ++connections_, true, thread.tid);
        } else {
          Work(thread, thread.jobs);
        }
        break;
      case ThreadKind::kLoop:
        LoopStep(thread);
        break;
    }
  }

  // Several things per turn, for whatever request of the process, then a wait. Reads of
  // descriptors that were reported ready, blocking or not: one per connection and turn.
  void LoopStep(SimThread& thread) {
    auto& queue = queues_[thread.process];
    if (Chance(0.3) || now_ns_ > thread.turn_began_ns + 50'000'000) {
      ++thread.waits;
      thread.turn_began_ns = now_ns_;
    } else if (queue.empty() || Chance(0.4)) {
      Read(thread, ++connections_, Chance(0.5));
      queue.insert(queue.end(), thread.jobs.begin(), thread.jobs.end());
      thread.jobs.clear();
    } else {
      const size_t picked = random_() % queue.size();
      if (Chance(0.5)) {
        Call(thread, queue[picked].handle);
      } else {
        End(queue[picked].handle);
        queue.erase(queue.begin() + static_cast<ptrdiff_t>(picked));
      }
    }
  }

  // The thread ends, and another one gets its number.
  void Reborn(SimThread& thread) {
    ++thread.thread_start;
    thread.born = true;
    thread.waits = thread.lost = 0;
    thread.connection = ++connections_;
    thread.connection_lost = false;
  }

  void Work(SimThread& thread, std::vector<Job>& jobs) {
    if (Chance(0.6)) {
      Call(thread, jobs.front().handle);
    } else {
      End(jobs.front().handle);
      jobs.erase(jobs.begin());
    }
  }

  RequestStart Describe(Kind kind, const SimThread& thread) {
    RequestStart start;
    start.kind = kind;
    start.first.time_ns = now_ns_;
    start.first.process = {.tgid = static_cast<uint32_t>(thread.process + 1), .start_ns = 1};
    start.first.tid = thread.tid;
    start.first.thread_start = thread.thread_start;
    start.first.waits = thread.waits;
    start.first.waits_known = true;
    start.first.thread_born = thread.born;
    start.first.lost = thread.lost;
    return start;
  }

  void Read(SimThread& thread, uint64_t connection, bool blocking, uint32_t accept_tid = 0) {
    const uint64_t handle = ++handles_;
    RequestStart start = Describe(Kind::kServer, thread);
    start.blocking = blocking;
    start.connection = connection;
    start.events_lost = connection == thread.connection && thread.connection_lost;
    start.accept_tid = accept_tid;
    start.accept_waits = thread.waits;
    start.name = MessageName{.client_base = static_cast<uint32_t>(handle), .server_base = 1};
    // Some came from a call that waits for its server to read it.
    if (!calls_.empty() && calls_.back().at_ns + 500'000'000 > now_ns_) {
      start.name = calls_.back().name;
      caused_by_[handle] = calls_.back().handle;
      calls_.pop_back();
    }
    thread.jobs.push_back({handle, connection});
    if (Chance(rates_.lost_start)) {
      ++thread.lost;  // the kernel's numbering shows it with the thread's next event
      thread.connection_lost |= connection == thread.connection;
      return;
    }
    Begin(handle, thread, std::move(start));
  }

  void Call(SimThread& thread, uint64_t cause) {
    const uint64_t handle = ++handles_;
    RequestStart start = Describe(Kind::kClient, thread);
    start.name = MessageName{.client_base = static_cast<uint32_t>(handle), .server_base = 2};
    if (!Chance(rates_.untraced)) calls_.push_back({now_ns_, handle, *start.name});
    caused_by_[handle] = cause;
    Begin(handle, thread, std::move(start));
    if (Chance(0.8)) End(handle);
  }

  void Begin(uint64_t handle, const SimThread& thread, RequestStart start) {
    kinds_[handle] = thread.kind;
    open_[handle] = start.kind;
    stitcher_.OnRequestStart(handle, std::move(start));
  }

  void End(uint64_t handle) {
    const auto found = open_.find(handle);
    if (found == open_.end()) return;  // its head was lost
    auto span = std::make_unique<HandleSpan>(handle);
    span->kind = found->second;
    span->end_unix_ns = now_ns_;
    stitcher_.OnRequestEnd(handle, std::move(span));
    open_.erase(found);
  }

  Score Count(Kind kind, std::optional<ThreadKind> thread) const {
    Score score;
    for (const auto& [handle, span] : spans_) {
      if (span->kind != kind || (thread && kinds_.at(handle) != *thread)) continue;
      const auto cause = caused_by_.find(handle);
      const auto parent = by_id_.find(span->parent_span_id);
      if (!span->parent_span_id) {
        score.none += cause != caused_by_.end() ? 1 : 0;
      } else {
        const bool right = cause != caused_by_.end() && parent != by_id_.end() && parent->second == cause->second;
        ++(right ? score.right : score.wrong);
      }
    }
    return score;
  }

  std::mt19937_64 random_;
  const Rates rates_;
  Stitcher stitcher_;
  uint64_t now_ns_ = 1'000'000'000;
  uint64_t handles_ = 0;
  uint64_t connections_ = 0;
  std::vector<SimThread> threads_;
  std::vector<std::vector<Job>> queues_;  // per process
  std::vector<Unanswered> calls_;
  std::map<uint64_t, Kind> open_;
  std::unordered_map<uint64_t, ThreadKind> kinds_;
  std::unordered_map<uint64_t, uint64_t> caused_by_;
  std::map<uint64_t, std::shared_ptr<const Span>> spans_;
  std::unordered_map<SpanId, uint64_t> by_id_;
};

constexpr ThreadKind kKinds[] = {ThreadKind::kBlocking, ThreadKind::kDispatcher, ThreadKind::kPool,
                                 ThreadKind::kListener, ThreadKind::kLoop};

void ExpectNothingWrong(const Simulation& simulation, uint64_t seed) {
  for (ThreadKind kind : kKinds) EXPECT_EQ(simulation.Calls(kind).wrong, 0) << seed << " " << static_cast<int>(kind);
  EXPECT_EQ(simulation.Served().wrong, 0) << seed;
  EXPECT_EQ(simulation.WrongTraces(), 0) << seed;
  const SpanLedger& ledger = simulation.stitcher().ledger();
  EXPECT_EQ(ledger.assembled, ledger.exported);
}

TEST(StitcherTruth, LinksAllThatBlockingThreadsDoAndNothingWrong) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Simulation simulation(seed, {});
    simulation.Run(3'000);
    ExpectNothingWrong(simulation, seed);
    for (ThreadKind kind : {ThreadKind::kBlocking, ThreadKind::kListener}) {
      EXPECT_GT(simulation.Calls(kind).right, 100) << seed;
      EXPECT_EQ(simulation.Calls(kind).none, 0) << seed;
    }
    for (ThreadKind kind : {ThreadKind::kPool, ThreadKind::kLoop}) {
      EXPECT_EQ(simulation.Calls(kind).right, 0) << seed;
      EXPECT_GT(simulation.Calls(kind).none, 50) << seed;
    }
    EXPECT_GT(simulation.Served().right, 300) << seed;
    EXPECT_EQ(simulation.Served().none, 0) << seed;
  }
}

TEST(StitcherTruth, IsNeverWrongWithLossAdoptionAndPipelining) {
  int linked = 0;
  for (uint64_t seed = 100; seed < 200; ++seed) {
    Simulation simulation(seed, {.lost_start = 0.1, .adopted = 0.5, .pipelined = 0.3, .untraced = 0.3});
    simulation.Run(2'000);
    ExpectNothingWrong(simulation, seed);
    for (ThreadKind kind : kKinds) linked += simulation.Calls(kind).right;
  }
  EXPECT_GT(linked, 10'000);
}

}  // namespace
}  // namespace tracelet::span
