#include "exporter/output.h"

#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

namespace tracelet::exporter {

struct Output::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::string pending;  // not yet taken by the writing thread
  uint64_t pending_spans = 0;
  size_t writing_bytes = 0;  // taken and not yet written
  uint64_t writing_spans = 0;
  uint64_t dropped_spans = 0;
  bool gone = false;
  bool finished = false;

  [[nodiscard]] bool Idle() const { return pending.empty() && writing_bytes == 0; }

  static void Run(const std::shared_ptr<Shared>& shared, int fd);
};

namespace {

bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace

void Output::Shared::Run(const std::shared_ptr<Shared>& shared, int fd) {
  std::string writing;
  std::unique_lock lock(shared->mutex);
  while (true) {
    shared->changed.wait(lock, [&] { return !shared->pending.empty() || shared->finished; });
    if (shared->pending.empty()) return;
    writing.clear();
    writing.swap(shared->pending);
    shared->writing_bytes = writing.size();
    shared->writing_spans = std::exchange(shared->pending_spans, 0);
    lock.unlock();
    const bool written = WriteAll(fd, writing);
    lock.lock();
    shared->gone = !written;
    if (shared->finished && shared->writing_bytes == 0) return;  // given up meanwhile, and counted
    if (!written) {
      shared->dropped_spans += shared->writing_spans + std::exchange(shared->pending_spans, 0);
      shared->pending.clear();
    }
    shared->writing_bytes = 0;
    shared->changed.notify_all();
    if (!written) return;
  }
}

Output::Output(int fd, WhenFull when_full, size_t limit_bytes)
    : shared_(std::make_shared<Shared>()), when_full_(when_full), limit_bytes_(limit_bytes) {
  std::thread([shared = shared_, fd] { Shared::Run(shared, fd); }).detach();
}

Output::~Output() { Finish(std::chrono::milliseconds(0)); }

void Output::Append(std::string_view text, uint64_t spans) {
  block_.append(text);
  block_spans_ += spans;
  if (block_.size() >= kBlockBytes) Flush();
}

void Output::Flush() {
  if (block_.empty()) return;
  std::unique_lock lock(shared_->mutex);
  const auto fits = [&] {
    const size_t used = shared_->pending.size() + shared_->writing_bytes;
    return shared_->gone || used == 0 || used + block_.size() <= limit_bytes_;
  };
  if (when_full_ == WhenFull::kWait) {
    shared_->changed.wait(lock, fits);
  } else if (!reader_stuck_) {
    shared_->changed.wait_for(lock, kPatience, fits);
  }
  reader_stuck_ = !fits();
  if (reader_stuck_ || shared_->gone) {
    shared_->dropped_spans += block_spans_;
  } else {
    shared_->pending.append(block_);
    shared_->pending_spans += block_spans_;
    shared_->changed.notify_all();
  }
  block_.clear();
  block_spans_ = 0;
}

void Output::Finish(std::chrono::milliseconds timeout) {
  Flush();
  std::unique_lock lock(shared_->mutex);
  const auto done = [&] { return shared_->gone || shared_->Idle(); };
  if (when_full_ == WhenFull::kWait) {
    shared_->changed.wait(lock, done);
  } else {
    shared_->changed.wait_for(lock, timeout, done);
  }
  if (!done()) {
    shared_->dropped_spans += shared_->pending_spans + shared_->writing_spans;
    shared_->pending.clear();
    shared_->pending_spans = 0;
    shared_->writing_bytes = 0;
  }
  shared_->finished = true;
  shared_->changed.notify_all();
}

bool Output::reader_gone() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->gone;
}

uint64_t Output::spans_dropped() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->dropped_spans;
}

}  // namespace tracelet::exporter
