#include "exporter/export_worker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

#include "exporter/backoff.h"
#include "exporter/rotation.h"
#include "tests/unit/exporter/waiting.h"

namespace tracelet::exporter {
namespace {

using std::chrono::milliseconds;
using Clock = ExportWorker::Clock;

// One byte per span; "spans" of an IngestedBatch are taken as they are.
class PlainEncoder : public Encoder {
 public:
  void Add(const span::Span& /*span*/) override { open_ += 's'; }
  uint64_t Add(const span::IngestedBatch& batch) override {
    open_ += batch.spans;
    return batch.count - batch.spans.size();
  }
  size_t bytes() const override { return open_.size(); }
  std::vector<Payload> Take() override {
    const uint64_t spans = open_.size();
    return {{std::make_shared<const std::string>(std::exchange(open_, {})), spans}};
  }

 private:
  std::string open_;
};

// A backend that does what the test says.
struct Backend {
  std::mutex mutex;
  std::condition_variable changed;
  SendResult answer;
  bool hung = false;
  bool cancelled = false;
  std::vector<uint64_t> delivered;
  std::atomic<int> calls = 0;

  void Set(SendStatus status, uint64_t rejected = 0) {
    const std::lock_guard lock(mutex);
    answer = {status, rejected, std::nullopt, status == SendStatus::kDelivered ? "" : "no"};
  }
  void Hang(bool hang) {
    const std::lock_guard lock(mutex);
    hung = hang;
    changed.notify_all();
  }
};

class FakeSender : public Sender {
 public:
  explicit FakeSender(Backend& backend) : backend_(backend) {}
  SendResult Send(const Payload& payload, Clock::time_point deadline) override {
    std::unique_lock lock(backend_.mutex);
    ++backend_.calls;
    if (!backend_.changed.wait_until(lock, deadline, [&] { return !backend_.hung || backend_.cancelled; })) {
      return {SendStatus::kRetry, 0, std::nullopt, "no answer in time"};
    }
    if (backend_.cancelled) return {SendStatus::kRetry, 0, std::nullopt, "cancelled"};
    if (backend_.answer.status == SendStatus::kDelivered) backend_.delivered.push_back(payload.spans);
    return backend_.answer;
  }
  void Cancel() override {
    const std::lock_guard lock(backend_.mutex);
    backend_.cancelled = true;
    backend_.changed.notify_all();
  }

 private:
  Backend& backend_;
};

config::Delivery Quick() {
  config::Delivery config;
  config.batch_spans = 10;
  config.batch_age_ms = 5;
  config.queue_bytes = 100;
  config.timeout_ms = 50;
  config.initial_backoff_ms = 1;
  config.max_backoff_ms = 4;
  return config;
}

class ExportWorkerTest : public ::testing::Test {
 protected:
  std::unique_ptr<ExportWorker> Start(const config::Delivery& config = Quick()) {
    return std::make_unique<ExportWorker>("test", config, std::make_unique<PlainEncoder>(),
                                          std::make_unique<FakeSender>(backend_));
  }
  static void Offer(ExportWorker& worker, int spans) {
    for (int i = 0; i < spans; ++i) worker.OnSpan(nullptr_span_);
  }
  static void ExpectExact(const ExportLedger& ledger) {
    EXPECT_EQ(ledger.accepted, ledger.exported + ledger.dropped.Total() + ledger.held);
  }
  static inline const std::shared_ptr<const span::Span> nullptr_span_ = std::make_shared<span::Span>();
  Backend backend_;
};

TEST_F(ExportWorkerTest, SendsFullBatchesAtOnceAndOldOnesByAge) {
  auto config = Quick();
  config.batch_age_ms = 60'000;
  auto worker = Start(config);
  Offer(*worker, 25);
  Await([&] { return worker->ledger().exported == 20; });
  EXPECT_EQ(worker->ledger().held, 5u);
  worker->Finish(Clock::now() + std::chrono::seconds(5));
  EXPECT_EQ(backend_.delivered, (std::vector<uint64_t>{10, 10, 5}));

  auto aged = Start();
  Offer(*aged, 3);
  Await([&] { return aged->ledger().exported == 3; });
  ExpectExact(aged->ledger());
}

TEST_F(ExportWorkerTest, LosesNothingThatFitsWhileTheBackendIsAway) {
  backend_.Set(SendStatus::kRetry);
  auto worker = Start();
  Offer(*worker, 90);
  Await([&] { return worker->ledger().failed_calls > 3; });
  EXPECT_EQ(worker->ledger().held, 90u);
  EXPECT_FALSE(worker->ledger().reachable);
  backend_.Set(SendStatus::kDelivered);
  Await([&] { return worker->ledger().exported == 90; });
  EXPECT_EQ(worker->ledger().dropped.Total(), 0u);
  EXPECT_TRUE(worker->ledger().reachable);
}

TEST_F(ExportWorkerTest, DropsAndCountsWhatDoesNotFitAndNeverBlocks) {
  backend_.Hang(true);
  auto worker = Start();
  const auto begin = Clock::now();
  Offer(*worker, 100'000);
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(5));
  auto ledger = worker->ledger();
  ExpectExact(ledger);
  EXPECT_EQ(ledger.held, 100u);
  EXPECT_LE(ledger.queue_bytes, 100u);
  EXPECT_EQ(ledger.dropped[ExportDrop::kQueueFull], 99'900u);
  backend_.Hang(false);
  Await([&] { return worker->ledger().exported == 100; });
  Offer(*worker, 5);
  worker->Finish(Clock::now() + std::chrono::seconds(5));
  EXPECT_EQ(worker->ledger().exported, 105u);
}

TEST_F(ExportWorkerTest, CountsWhatTheBackendRefuses) {
  backend_.Set(SendStatus::kRejected);
  auto worker = Start();
  Offer(*worker, 10);
  Await([&] { return worker->ledger().held == 0; });
  EXPECT_EQ(worker->ledger().dropped[ExportDrop::kRejected], 10u);
  backend_.Set(SendStatus::kDelivered, 4);
  Offer(*worker, 10);
  Await([&] { return worker->ledger().held == 0; });
  EXPECT_EQ(worker->ledger().dropped[ExportDrop::kRejected], 14u);
  EXPECT_EQ(worker->ledger().exported, 6u);
  ExpectExact(worker->ledger());
}

TEST_F(ExportWorkerTest, StopsInTimeWithAHungBackendAndCountsTheRest) {
  backend_.Hang(true);
  auto config = Quick();
  config.timeout_ms = 60'000;
  auto worker = Start(config);
  Offer(*worker, 30);
  Await([&] { return backend_.calls > 0; });
  const auto begin = Clock::now();
  worker->Finish(begin + milliseconds(50));
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(3));
  EXPECT_EQ(worker->ledger().dropped[ExportDrop::kShutdown], 30u);
  Offer(*worker, 1);
  ExpectExact(worker->ledger());
  EXPECT_EQ(worker->ledger().held, 0u);
}

TEST_F(ExportWorkerTest, GivesUpOnABatchWhenToldTo) {
  backend_.Set(SendStatus::kRetry);
  auto config = Quick();
  config.give_up_after_s = 1;
  auto worker = Start(config);
  Offer(*worker, 10);
  Await([&] { return worker->ledger().dropped[ExportDrop::kGaveUp] == 10; });
  ExpectExact(worker->ledger());
}

TEST_F(ExportWorkerTest, CountsIngestedSpansOneByOne) {
  auto worker = Start();
  worker->OnIngested(std::make_shared<span::IngestedBatch>(span::IngestedBatch{"abc", 4, ""}));
  Await([&] { return worker->ledger().exported == 3; });
  EXPECT_EQ(worker->ledger().accepted, 4u);
  EXPECT_EQ(worker->ledger().dropped[ExportDrop::kUnencodable], 1u);
  ExpectExact(worker->ledger());
}

TEST_F(ExportWorkerTest, TheLedgerIsExactAtAnyTimeFromManyThreads) {
  auto worker = Start();
  std::atomic<bool> over{false};
  std::thread disturb([&] {
    for (int i = 0; !over; ++i) {
      backend_.Set(i % 3 == 0 ? SendStatus::kRetry : i % 3 == 1 ? SendStatus::kRejected : SendStatus::kDelivered);
      ExpectExact(worker->ledger());
      std::this_thread::sleep_for(milliseconds(1));
    }
  });
  std::thread first([&] { Offer(*worker, 5'000); });
  std::thread second([&] { Offer(*worker, 5'000); });
  first.join();
  second.join();
  over = true;
  disturb.join();
  backend_.Set(SendStatus::kDelivered);
  worker->Finish(Clock::now() + std::chrono::seconds(5));
  EXPECT_EQ(worker->ledger().accepted, 10'000u);
  EXPECT_EQ(worker->ledger().held, 0u);
  ExpectExact(worker->ledger());
}

TEST(Backoff, DoublesUpToItsLimitWithHalfOfItDrawn) {
  Backoff backoff(milliseconds(100), milliseconds(1'000), 7);
  for (const int whole : {100, 200, 400, 800, 1'000, 1'000}) {
    const auto wait = backoff.Next(std::nullopt);
    EXPECT_GE(wait.count(), whole / 2);
    EXPECT_LE(wait.count(), whole);
  }
  backoff.Reset();
  EXPECT_LE(backoff.Next(std::nullopt).count(), 100);
}

TEST(Backoff, DoesWhatTheBackendAsksForWithinALimit) {
  Backoff backoff(milliseconds(100), milliseconds(1'000), 7);
  EXPECT_EQ(backoff.Next(milliseconds(3'000)), milliseconds(3'000));
  EXPECT_EQ(backoff.Next(milliseconds(-5)), milliseconds(0));
  EXPECT_EQ(backoff.Next(std::chrono::hours(5)), Backoff::kMaxRetryAfter);
}

TEST(Rotation, TakesTurnsAndLeavesTheFailedInPeace) {
  Rotation rotation(3);
  const auto now = Rotation::Clock::now();
  EXPECT_EQ(rotation.Next(now), 0u);
  EXPECT_EQ(rotation.Next(now), 1u);
  rotation.Failed(2, now);
  EXPECT_EQ(rotation.Next(now), 0u);
  EXPECT_EQ(rotation.Next(now + Rotation::kRest), 1u);
  EXPECT_EQ(rotation.Next(now + Rotation::kRest), 2u);
  for (size_t i = 0; i < 3; ++i) rotation.Failed(i, now);
  EXPECT_FALSE(rotation.AnyLeft(now));
  EXPECT_EQ(rotation.Next(now), 0u);
  rotation.Worked(1);
  EXPECT_TRUE(rotation.AnyLeft(now));
  EXPECT_EQ(rotation.Next(now), 1u);
}

}  // namespace
}  // namespace tracelet::exporter
