#include "agent/cli/session.h"

#include "agent/base/heap.h"
#include "agent/cli/stop_signals.h"

namespace tracelet::cli {
namespace {

constexpr std::chrono::milliseconds kPollTimeout{50};

}  // namespace

Status Pump(source::EventSource& source, source::EventSink& sink, const std::function<bool()>& over) {
  bool stopped = false;
  Heap heap;
  while (true) {
    const auto more = source.Poll(sink, kPollTimeout);
    if (!more) return more.error();
    if (!*more) return Ok();
    heap.Trim(Heap::Clock::now());
    if (!stopped && over()) {
      source.Stop();
      stopped = true;
    }
  }
}

Ending::Ending(std::optional<std::chrono::milliseconds> duration, Program* program) : program_(program) {
  if (duration) deadline_ = Clock::now() + *duration;
}

bool Ending::Reached(bool reader_gone) {
  const auto now = Clock::now();
  if (reader_gone || (deadline_ && now >= *deadline_)) return true;
  if (StopSignals::Received() != 0 && !signalled_) {
    signalled_ = now;
    if (program_ != nullptr && !StopSignals::FromTerminal()) program_->Signal(StopSignals::Received());
  }
  if (program_ == nullptr) return signalled_.has_value();
  return ProgramOver(now) || (signalled_ && now >= *signalled_ + kSignalGrace);
}

bool Ending::ProgramOver(Clock::time_point now) {
  if (!program_ended_ && program_->Ended()) program_ended_ = now;
  return program_ended_ && now >= *program_ended_ + kProgramGrace;
}

}  // namespace tracelet::cli
