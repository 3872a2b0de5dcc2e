// One capture, from the first event to the last: polls the source until there is
// a reason to stop, stops it and drains it. Main thread.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "agent/base/result.h"
#include "agent/cli/program.h"
#include "agent/source/event_source.h"

namespace tracelet::cli {

// Polls until the source has no more. Asks `over` after each poll; when it says
// true the source is stopped, and what it still holds is delivered.
Status Pump(source::EventSource& source, source::EventSink& sink, const std::function<bool()>& over);

// When a live capture is over: a signal, the duration, the end of the program, or
// nobody reads the output any more.
class Ending {
 public:
  using Clock = std::chrono::steady_clock;
  // After the program's end, for what its own children still do.
  static constexpr std::chrono::milliseconds kProgramGrace{200};
  // After a signal that the program got too, for its own orderly end.
  static constexpr std::chrono::milliseconds kSignalGrace{1'000};

  // `program` may be null. The duration begins now.
  Ending(std::optional<std::chrono::milliseconds> duration, Program* program);

  [[nodiscard]] bool Reached(bool reader_gone);

 private:
  [[nodiscard]] bool ProgramOver(Clock::time_point now);

  std::optional<Clock::time_point> deadline_;
  std::optional<Clock::time_point> signalled_;
  std::optional<Clock::time_point> program_ended_;
  Program* program_;
};

}  // namespace tracelet::cli
