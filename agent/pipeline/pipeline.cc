#include "agent/pipeline/pipeline.h"

namespace tracelet::pipeline {

Pipeline::Pipeline(const config::Config& config, span::SpanSink& sink, std::function<void(const conn_id&)> ignore,
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
  tracker_.OnWatermark(monotonic_ns);
  stitcher_.OnWatermark(monotonic_ns, assembler_.ToUnix(monotonic_ns));
}

void Pipeline::Finish() {
  tracker_.Finish();
  stitcher_.Flush();
}

}  // namespace tracelet::pipeline
