#include "agent/pipeline/pipeline.h"

#include <algorithm>

namespace tracelet::pipeline {

Pipeline::Pipeline(const config::Config& config, span::SpanSink& sink, conn::ConnTracker::Ignore ignore,
                   const Installation& installation)
    : routes_(config.span.max_routes),
      stitcher_(config.span, installation.key, sink,
                span::Outside{.peer_config = config.peer,
                              .peers = installation.peers,
                              .sdk_config = config.ingest.sdk_join,
                              .sdk = installation.sdk}),
      assembler_(stitcher_,
                 span::HttpSpanOptions{.allowed_query_keys = config.span.allowed_query_keys,
                                       .route = [this](const std::string& service,
                                                       std::string_view path) { return routes_.Route(service, path); }},
                 config.source.max_processes),
      tracker_(config, assembler_, std::move(ignore)) {}

void Pipeline::OnClock(const source::ClockPair& pair) { assembler_.OnClock(pair); }

void Pipeline::OnProcess(const process::ProcessInfo& info) { assembler_.OnProcess(info); }

void Pipeline::OnEvent(const event_header& event) {
  tracker_.OnEvent(event);
  if (event.kind == EVENT_EXIT) assembler_.OnProcessExit({event.tgid, event.tgid_start_ns});
}

void Pipeline::OnWatermark(uint64_t monotonic_ns) {
  now_ns_ = monotonic_ns;
  tracker_.OnWatermark(monotonic_ns);
  stitcher_.OnWatermark(monotonic_ns, assembler_.ToUnix(monotonic_ns));
}

void Pipeline::ForEachOpen(const std::function<void(const OpenRequest&)>& tell) const {
  tracker_.ForEachOpen([&](const protocol::OpenExchange& open) {
    const conn::Operation& first = open.exchange.request.first;
    tell({.kind = open.direction == conn::Direction::kSend ? span::Kind::kClient : span::Kind::kServer,
          .process = assembler_.Find(first.process),
          .age_ns = now_ns_ - std::min(now_ns_, first.time_ns),
          .so_far = open});
  });
}

void Pipeline::Finish() {
  tracker_.Finish();
  stitcher_.Flush();
}

}  // namespace tracelet::pipeline
