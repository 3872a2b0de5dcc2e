#include "exporter/export_worker.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <functional>
#include <thread>
#include <utility>

#include "exporter/backoff.h"

namespace tracelet::exporter {
namespace {

using Clock = ExportWorker::Clock;
using std::chrono::milliseconds;

// After Cancel, for a call to come back.
constexpr milliseconds kCancelGrace{500};

}  // namespace

std::string_view Name(ExportDrop reason) {
  switch (reason) {
    case ExportDrop::kQueueFull:
      return "queue_full";
    case ExportDrop::kRejected:
      return "rejected";
    case ExportDrop::kGaveUp:
      return "gave_up";
    case ExportDrop::kShutdown:
      return "shutdown";
    case ExportDrop::kUnencodable:
      return "unencodable";
    case ExportDrop::kCount:
      break;
  }
  return "";
}

struct ExportWorker::State {
  State(std::string worker_name, const config::Delivery& delivery, std::unique_ptr<Encoder> worker_encoder,
        std::unique_ptr<Sender> worker_sender)
      : name(std::move(worker_name)),
        config(delivery),
        encoder(std::move(worker_encoder)),
        sender(std::move(worker_sender)),
        backoff(milliseconds(delivery.initial_backoff_ms), milliseconds(delivery.max_backoff_ms),
                static_cast<uint32_t>(Clock::now().time_since_epoch().count())) {}

  const std::string name;
  const config::Delivery config;
  const std::unique_ptr<Encoder> encoder;  // under `mutex`
  const std::unique_ptr<Sender> sender;
  Backoff backoff;  // the worker's thread

  std::mutex mutex;
  std::condition_variable changed;
  ExportLedger ledger;
  std::deque<Payload> queue;  // the first one is being sent
  uint64_t open_spans = 0;
  Clock::time_point open_since;
  bool finishing = false;
  bool finished = false;  // the thread has ended
  bool given_up = false;  // Finish has counted what is left
  Clock::time_point finish_by;

  // Log, the worker's thread.
  Clock::time_point failing_since;
  Clock::time_point last_line;
  bool failing = false;

  bool Accept(uint64_t spans, size_t bytes);
  void Added(uint64_t spans);
  void Close();
  void DropAll();
  bool Await(std::unique_lock<std::mutex>& lock);
  void Settle(const SendResult& result, bool gave_up);
  void Note(const SendResult& result);
  bool Deliver(std::unique_lock<std::mutex>& lock);
  void Run();
};

// Counts what comes; false: it is dropped.
bool ExportWorker::State::Accept(uint64_t spans, size_t bytes) {
  ledger.accepted += spans;
  if (given_up) {
    ledger.dropped.Add(ExportDrop::kShutdown, spans);
    return false;
  }
  if (ledger.queue_bytes + encoder->bytes() + bytes > config.queue_bytes) {
    ledger.dropped.Add(ExportDrop::kQueueFull, spans);
    return false;
  }
  return true;
}

void ExportWorker::State::Added(uint64_t spans) {
  if (open_spans == 0) {
    open_since = Clock::now();
    changed.notify_all();
  }
  open_spans += spans;
  ledger.held += spans;
  if (open_spans >= config.batch_spans || encoder->bytes() >= config.batch_bytes) Close();
}

void ExportWorker::State::Close() {
  if (open_spans == 0) return;
  for (Payload& payload : encoder->Take()) {
    ledger.queue_bytes += payload.bytes->size();
    queue.push_back(std::move(payload));
  }
  open_spans = 0;
  changed.notify_all();
}

void ExportWorker::State::DropAll() {
  Close();
  ledger.dropped.Add(ExportDrop::kShutdown, std::exchange(ledger.held, 0));
  ledger.queue_bytes = 0;
  queue.clear();
}

// True: there is a payload to send. False: no more will come.
bool ExportWorker::State::Await(std::unique_lock<std::mutex>& lock) {
  while (queue.empty()) {
    if (finishing) Close();
    if (!queue.empty()) break;
    if (finishing) return false;
    if (open_spans == 0) {
      changed.wait(lock);
      continue;
    }
    const auto old = open_since + milliseconds(config.batch_age_ms);
    if (Clock::now() >= old) {
      Close();
    } else {
      changed.wait_until(lock, old);
    }
  }
  return true;
}

// The first payload is done with, whatever became of it.
void ExportWorker::State::Settle(const SendResult& result, bool gave_up) {
  const Payload payload = std::move(queue.front());
  queue.pop_front();
  ledger.queue_bytes -= payload.bytes->size();
  ledger.held -= payload.spans;
  if (gave_up) {
    ledger.dropped.Add(ExportDrop::kGaveUp, payload.spans);
  } else if (result.status == SendStatus::kRejected) {
    ledger.dropped.Add(ExportDrop::kRejected, payload.spans);
  } else {
    const uint64_t rejected = std::min(result.rejected, payload.spans);
    ledger.dropped.Add(ExportDrop::kRejected, rejected);
    ledger.exported += payload.spans - rejected;
  }
}

void ExportWorker::State::Note(const SendResult& result) {
  const auto now = Clock::now();
  const bool well = result.status == SendStatus::kDelivered && result.reason.empty();
  if (well && failing) {
    const auto lasted = std::chrono::duration_cast<std::chrono::seconds>(now - failing_since).count();
    spdlog::info("exporter {}: delivers again after {} s; {} spans wait, {} dropped so far", name, lasted, ledger.held,
                 ledger.dropped.Total());
  }
  if (!well && !failing) failing_since = now;
  if (!well && (last_line == Clock::time_point{} || now >= last_line + kLogEvery)) {
    last_line = now;
    spdlog::warn("exporter {}: {}{}; {} spans wait, {} dropped so far", name, result.reason,
                 result.status == SendStatus::kRetry ? ", trying again" : "", ledger.held, ledger.dropped.Total());
  }
  failing = !well;
}

// Sends the first payload until it is settled. False: the time to stop is over.
bool ExportWorker::State::Deliver(std::unique_lock<std::mutex>& lock) {
  const Payload payload = queue.front();
  const auto begin = Clock::now();
  backoff.Reset();
  while (true) {
    auto deadline = Clock::now() + milliseconds(config.timeout_ms);
    if (finishing) deadline = std::min(deadline, finish_by);
    lock.unlock();
    const SendResult result = sender->Send(payload, deadline);
    lock.lock();
    if (given_up) return false;
    const bool answered = result.status != SendStatus::kRetry;
    ledger.connects += answered && (ledger.calls == 0 || !ledger.reachable);
    ledger.reachable = answered;
    ++ledger.calls;
    ledger.failed_calls += result.status != SendStatus::kDelivered;
    Note(result);
    const auto now = Clock::now();
    const bool gave_up = result.status == SendStatus::kRetry && config.give_up_after_s != 0 &&
                         now >= begin + std::chrono::seconds(config.give_up_after_s);
    if (result.status != SendStatus::kRetry || gave_up) {
      Settle(result, gave_up);
      return true;
    }
    auto until = now + backoff.Next(result.retry_after);
    const bool was_finishing = finishing;
    changed.wait_until(lock, until, [&] { return given_up || finishing != was_finishing; });
    if (given_up || (finishing && Clock::now() >= finish_by)) return false;
  }
}

void ExportWorker::State::Run() {
  std::unique_lock lock(mutex);
  while (Await(lock) && Deliver(lock)) {
  }
  finished = true;
  changed.notify_all();
}

ExportWorker::ExportWorker(std::string name, const config::Delivery& config, std::unique_ptr<Encoder> encoder,
                           std::unique_ptr<Sender> sender)
    : state_(std::make_shared<State>(std::move(name), config, std::move(encoder), std::move(sender))) {
  std::thread([state = state_] { state->Run(); }).detach();
}

ExportWorker::~ExportWorker() { Finish(Clock::now()); }

void ExportWorker::OnSpan(std::shared_ptr<const span::Span> span) {
  const std::lock_guard lock(state_->mutex);
  if (!state_->Accept(1, 1)) return;  // goes over the bound by less than itself
  state_->encoder->Add(*span);
  state_->Added(1);
}

void ExportWorker::OnIngested(std::shared_ptr<const span::IngestedBatch> batch) {
  const std::lock_guard lock(state_->mutex);
  if (!state_->Accept(batch->count, batch->spans.size())) return;
  const uint64_t lost = state_->encoder->Add(*batch);
  state_->ledger.dropped.Add(ExportDrop::kUnencodable, lost);
  if (lost < batch->count) state_->Added(batch->count - lost);
}

void ExportWorker::Finish(Clock::time_point deadline) {
  std::unique_lock lock(state_->mutex);
  if (state_->given_up) return;
  state_->finishing = true;
  state_->finish_by = deadline;
  state_->changed.notify_all();
  const auto finished = [&] { return state_->finished; };
  state_->changed.wait_until(lock, deadline, finished);
  state_->given_up = true;
  state_->DropAll();
  state_->changed.notify_all();
  if (state_->finished) return;
  lock.unlock();
  state_->sender->Cancel();
  lock.lock();
  state_->changed.wait_for(lock, kCancelGrace, finished);
}

ExportLedger ExportWorker::ledger() const {
  const std::lock_guard lock(state_->mutex);
  return state_->ledger;
}

const std::string& ExportWorker::name() const { return state_->name; }

}  // namespace tracelet::exporter
