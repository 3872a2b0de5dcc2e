#include "agent/source/process_gate.h"

#include <cstring>
#include <utility>

namespace tracelet::source {
namespace {

constexpr size_t kMaxExecs = 1'024;

}  // namespace

ProcessGate::ProcessGate(process::Selector selector, size_t max_processes, Hooks hooks)
    : selector_(std::move(selector)), max_processes_(max_processes), hooks_(std::move(hooks)) {}

void ProcessGate::OnEvent(const event_header& event, EventSink& sink) {
  if (event.tgid == 0) return sink.OnEvent(event);
  const process::ProcessKey key{event.tgid, event.tgid_start_ns};
  if (event.kind == EVENT_EXEC) return OnExec(key, reinterpret_cast<const event_exec&>(event), sink);
  if (event.kind == EVENT_EXIT) return OnExit(key, event, sink);
  const auto known = selected_.find(key);
  const bool selected = known != selected_.end() ? known->second : IntroduceFor(key, event, sink);
  if (selected) {
    sink.OnEvent(event);
  } else {
    ++not_selected_;
  }
}

bool ProcessGate::IntroduceFor(process::ProcessKey key, const event_header& event, EventSink& sink) {
  event_exec exec{};
  if (const auto found = execs_.find(key); found != execs_.end()) {
    exec = found->second;
    execs_.erase(found);
  } else if (event.kind == EVENT_OPEN) {  // at least a name, if the process is gone by now
    std::memcpy(exec.comm, reinterpret_cast<const event_open&>(event).comm, sizeof(exec.comm));
  } else {
    return Introduce(key, nullptr, sink);
  }
  return Introduce(key, &exec, sink);
}

bool ProcessGate::Introduce(process::ProcessKey key, const event_exec* exec, EventSink& sink) {
  if (selected_.size() >= max_processes_) selected_.clear();
  const process::ProcessInfo info = hooks_.read(key, exec);
  const bool selected = !selector_.JudgesProcesses() || selector_.Selects(info);
  const auto [entry, inserted] = selected_.try_emplace(key, selected);
  if (selected) {
    if (!inserted && !entry->second) hooks_.judge(key.tgid, VERDICT_TRACE);
    sink.OnProcess(info);
  } else {
    hooks_.judge(key.tgid, VERDICT_IGNORE);
  }
  entry->second = selected;
  return selected;
}

void ProcessGate::OnExec(process::ProcessKey key, const event_exec& exec, EventSink& sink) {
  if (!selected_.contains(key)) {
    ++without_connection_;
    if (execs_.size() >= kMaxExecs) execs_.clear();
    std::memcpy(&execs_[key], &exec, sizeof(exec));
    return;
  }
  if (Introduce(key, &exec, sink)) {
    sink.OnEvent(exec.header);
  } else {
    ++not_selected_;
  }
}

void ProcessGate::OnExit(process::ProcessKey key, const event_header& event, EventSink& sink) {
  const auto known = selected_.find(key);
  if (known == selected_.end()) {
    execs_.erase(key);
    ++without_connection_;
    return;
  }
  if (known->second) {
    sink.OnEvent(event);
  } else {
    ++not_selected_;
  }
  selected_.erase(known);
}

}  // namespace tracelet::source
