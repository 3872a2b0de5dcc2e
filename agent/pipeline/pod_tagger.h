// Says whose pod a span is of, in OpenTelemetry's words (k8s.*), names the service after
// it, names the other end of calls, and leaves out the spans of pods that are not selected:
// what was not known yet when a process was seen first (the gate then lets it pass) is
// known when its first span is final.
//
// Says so where the API server cannot be asked: `tracelet.kubernetes` is "absent" on spans of
// a pod that it has not told of (the pod's uid and the container's id are the cgroup's), and
// "stale" where it was away for a while. Both heal with the next span.
//
// service.name: the annotation tracelet.io/service-name; the process's own word
// (OTEL_SERVICE_NAME); the label app.kubernetes.io/name; the owner's name; as everywhere.
//
// One thread. Bounded: kMaxKnown processes are remembered, then all are looked up again.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/kubernetes/peer_table.h"
#include "agent/kubernetes/pod_selector.h"
#include "agent/kubernetes/pod_table.h"
#include "agent/pipeline/processor.h"
#include "config/config.h"

namespace tracelet::pipeline {

struct PodSources {
  const kubernetes::PodTable& pods;
  const kubernetes::PeerTable& peers;
  std::function<bool()> stale;
  std::string node;
};

class PodTagger : public Processor {
 public:
  static constexpr size_t kMaxKnown = 1'024;

  PodTagger(const config::Config& config, PodSources sources, span::SpanSink& next);

  void OnSpan(std::shared_ptr<const span::Span> span) override;

  // With what its spans have of its pod, and their name. The thread of OnSpan.
  std::shared_ptr<const process::ProcessInfo> Named(const std::shared_ptr<const process::ProcessInfo>& process) {
    return Look(process).tagged;
  }

  // For a process that is seen for the first time; true where nothing is known of it yet. Capture thread.
  [[nodiscard]] bool Wanted(const process::ProcessInfo& process) const;

  [[nodiscard]] uint64_t not_selected() const { return not_selected_; }

 private:
  enum class State : uint8_t { kOutside, kFresh, kStale, kAbsent };
  using PodPtr = std::shared_ptr<const kubernetes::Pod>;
  struct Known {
    std::shared_ptr<const process::ProcessInfo> process;
    std::shared_ptr<const process::ProcessInfo> tagged;
    PodPtr pod;
    State state = State::kOutside;
    uint64_t version = 0;  // of the table, when it was looked up
    bool selected = true;
  };

  const Known& Look(const std::shared_ptr<const process::ProcessInfo>& process);
  [[nodiscard]] std::shared_ptr<const process::ProcessInfo> Tagged(const process::ProcessInfo& process,
                                                                   const kubernetes::Pod* pod, State state) const;
  void NamePeer(span::Span& span) const;

  const config::Kubernetes config_;
  const kubernetes::PodSelector selector_;
  const PodSources sources_;
  std::unordered_map<const process::ProcessInfo*, Known> known_;
  uint64_t not_selected_ = 0;
};

}  // namespace tracelet::pipeline
