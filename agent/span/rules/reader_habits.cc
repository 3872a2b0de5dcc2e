#include "agent/span/rules/reader_habits.h"

#include <utility>

#include "agent/span/places.h"

namespace tracelet::span {

LinkRefusal ReaderHabits::Doubt(const RequestStart& server) const {
  const auto found = habits_.find(server.first.process);
  if (found == habits_.end()) {
    if (habits_.size() >= max_processes_) return LinkRefusal::kLostEvent;
    return server.blocking ? LinkRefusal::kNone : LinkRefusal::kNoEvidence;
  }
  const Habit& habit = found->second;
  if (habit.hands_on) return LinkRefusal::kQueue;
  if (server.blocking) return LinkRefusal::kNone;
  return habit.loops || habit.answered < kEnough ? LinkRefusal::kNoEvidence : LinkRefusal::kNone;
}

ReaderHabits::Habit* ReaderHabits::Of(const process::ProcessKey& process) {
  return Remember(habits_, max_processes_, process,
                  [](const Habit& one) { return !one.hands_on && one.linked.empty(); });
}

void ReaderHabits::OnLinked(const RequestPtr& call) {
  Habit* habit = Of(call->start.first.process);
  if (habit != nullptr) habit->linked.Add(call);
}

std::vector<RequestPtr> ReaderHabits::OnAnswered(const RequestStart& server, Answerer by, const OpenRequests& open) {
  // These are no threads that the thread rule speaks of.
  if (server.multiplexed || server.go_cause.known || !server.first.waits_known) return {};
  const bool loop = server.first.waits != 0 && !AcceptedItself(server);
  if (by == Answerer::kNobody || (loop && server.blocking)) return {};
  Habit* habit = Of(server.first.process);
  if (habit == nullptr || habit->hands_on) return {};
  if (loop) {
    if (std::exchange(habit->loops, true) || habit->answered < kEnough) return {};
    return habit->linked.Take();
  }
  const bool shared = !server.blocking && !open.OnThread(ThreadOf(server.first)).empty();
  if (by == Answerer::kReader && !shared) {
    const bool shown = server.one_thread && !server.blocking && open.CountIn(server.first.process) > 0;
    habit->answered += shown && habit->answered < kEnough ? 1 : 0;
    return {};
  }
  habit->hands_on = true;
  return habit->linked.Take();
}

}  // namespace tracelet::span
