#include "agent/source/process_gate.h"

#include <cstring>
#include <utility>

namespace tracelet::source {
namespace {

constexpr size_t kMaxPending = 1'024;

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
  if (auto found = pending_.extract(key); !found.empty()) {
    Pending& pending = found.mapped();
    return Introduce(pending.info ? std::move(*pending.info) : hooks_.read(key, &pending.exec), sink);
  }
  if (event.kind != EVENT_OPEN) return Introduce(hooks_.read(key, nullptr), sink);
  event_exec exec{};  // at least a name, if the process is gone by now
  std::memcpy(exec.comm, reinterpret_cast<const event_open&>(event).comm, sizeof(exec.comm));
  return Introduce(hooks_.read(key, &exec), sink);
}

bool ProcessGate::Introduce(process::ProcessInfo info, EventSink& sink) {
  hooks_.understand(info);
  if (selected_.size() >= max_processes_) selected_.clear();
  const bool selected = !selector_.JudgesProcesses() || selector_.Selects(info);
  const auto [entry, inserted] = selected_.try_emplace(info.key, selected);
  if (selected) {
    if (!inserted && !entry->second) hooks_.judge(info.key.tgid, VERDICT_TRACE);
    sink.OnProcess(info);
  } else {
    hooks_.judge(info.key.tgid, VERDICT_IGNORE);
  }
  entry->second = selected;
  return selected;
}

bool ProcessGate::MayLook(uint64_t now_ns) {
  if (now_ns - look_window_ns_ >= 1'000'000'000) {
    look_window_ns_ = now_ns;
    looks_ = 0;
  }
  return looks_++ < kLooksPerSecond;
}

void ProcessGate::OnExec(process::ProcessKey key, const event_exec& exec, EventSink& sink) {
  if (selected_.contains(key)) {
    if (Introduce(hooks_.read(key, &exec), sink)) {
      sink.OnEvent(exec.header);
    } else {
      ++not_selected_;
    }
    return;
  }
  ++without_connection_;
  if (pending_.size() >= kMaxPending) pending_.clear();
  Pending& pending = pending_[key];
  std::memcpy(&pending.exec, &exec, sizeof(exec));
  pending.info.reset();
  if (MayLook(exec.header.time_ns)) pending.info = hooks_.read(key, &exec);
}

void ProcessGate::OnExit(process::ProcessKey key, const event_header& event, EventSink& sink) {
  const auto known = selected_.find(key);
  if (known == selected_.end()) {
    pending_.erase(key);
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
