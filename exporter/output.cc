#include "exporter/output.h"

#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace tracelet::exporter {

void Output::Block::Clear() {
  text.Clear();
  spans = 0;
}

struct Output::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Block> pending;  // not yet taken by the writing thread
  size_t pending_bytes = 0;
  uint64_t pending_spans = 0;
  size_t writing_bytes = 0;  // taken and not yet written
  uint64_t writing_spans = 0;
  Block spare;  // has been written; its memory is used again
  uint64_t dropped_spans = 0;
  bool gone = false;
  bool finished = false;

  [[nodiscard]] bool Idle() const { return pending.empty() && writing_bytes == 0; }
  void Add(Block& block);
  Block Take();
  void DropPending();

  static void Run(const std::shared_ptr<Shared>& shared, int fd);
};

// Takes the content of `block`. Blocks stay large however often small ones are added.
void Output::Shared::Add(Block& block) {
  pending_bytes += block.text.size();
  pending_spans += block.spans;
  if (!pending.empty() && pending.back().text.size() + block.text.size() <= kBlockBytes) {
    pending.back().text.Append(block.text.view());
    pending.back().spans += block.spans;
    block.Clear();
  } else {
    pending.push_back(std::move(block));
    block = std::move(spare);
    block.Clear();
  }
}

Output::Block Output::Shared::Take() {
  Block block = std::move(pending.front());
  pending.pop_front();
  writing_bytes = block.text.size();
  writing_spans = block.spans;
  pending_bytes -= writing_bytes;
  pending_spans -= writing_spans;
  return block;
}

void Output::Shared::DropPending() {
  dropped_spans += pending_spans;
  pending.clear();
  pending_bytes = 0;
  pending_spans = 0;
}

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
  std::unique_lock lock(shared->mutex);
  while (true) {
    shared->changed.wait(lock, [&] { return !shared->pending.empty() || shared->finished; });
    if (shared->pending.empty()) return;
    Block writing = shared->Take();
    lock.unlock();
    const bool written = WriteAll(fd, writing.text.view());
    lock.lock();
    shared->gone = !written;
    if (shared->finished && shared->writing_bytes == 0) return;  // given up meanwhile, and counted
    if (!written) {
      shared->dropped_spans += shared->writing_spans;
      shared->DropPending();
    }
    shared->writing_bytes = 0;
    shared->spare = std::move(writing);
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
  block_.text.Append(text);
  Appended(spans);
}

void Output::Appended(uint64_t spans) {
  block_.spans += spans;
  if (block_.text.size() >= kBlockBytes) Flush();
}

void Output::Flush() {
  if (block_.text.empty()) return;
  std::unique_lock lock(shared_->mutex);
  const auto fits = [&] {
    const size_t used = shared_->pending_bytes + shared_->writing_bytes;
    return shared_->gone || used == 0 || used + block_.text.size() <= limit_bytes_;
  };
  if (when_full_ == WhenFull::kWait) {
    shared_->changed.wait(lock, fits);
  } else if (!reader_stuck_) {
    shared_->changed.wait_for(lock, kPatience, fits);
  }
  reader_stuck_ = !fits();
  if (reader_stuck_ || shared_->gone) {
    shared_->dropped_spans += block_.spans;
    block_.Clear();
  } else {
    shared_->Add(block_);
    shared_->changed.notify_all();
  }
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
    shared_->dropped_spans += shared_->writing_spans;
    shared_->DropPending();
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
