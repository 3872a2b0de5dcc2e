// Jaeger's model -> OTLP, for spans that SDKs sent in Jaeger's formats. As the
// OpenTelemetry collector does it where its way loses nothing, and otherwise:
//
//   Jaeger                              OTLP
//   tag span.kind                       kind
//   tag error = true; otel.status_code  status (and otel.status_description its message)
//   tag w3c.tracestate                  trace_state
//   tag of type BINARY                  bytes_value
//   first CHILD_OF of the same trace    parent_span_id
//   other references                    links with opentracing.ref_type
//   flags                               flags bit 0 (sampled), and whole as jaeger.flags if there are others
//   log                                 event; its name is the field `event`
//   process service_name, tags          resource service.name, attributes under the same keys
//                                       (hostname and jaeger.version too)
//   negative duration                   end = start, and jaeger.duration_ns
#pragma once

#include <algorithm>
#include <cstdint>

#include "agent/span/ingested_batch.h"
#include "exporter/proto/jaeger/model.pb.h"
#include "exporter/proto/otlp/resource.pb.h"
#include "exporter/proto/otlp/trace.pb.h"

namespace tracelet::exporter {

// Both overwrite `out`.
void FromJaeger(const ::jaeger::api_v2::Process& process, ::opentelemetry::proto::resource::v1::Resource* out);
void FromJaeger(const ::jaeger::api_v2::Span& span, ::opentelemetry::proto::trace::v1::Span* out);

// each(span, process) for the spans of a received batch; returns how many it could not read.
template <typename Each>
uint64_t ForEachReceived(const span::IngestedBatch& batch, Each&& each) {
  ::jaeger::api_v2::Batch spans;
  ::jaeger::api_v2::Process process;
  if (!spans.ParseFromString(batch.spans)) return batch.count;
  if (batch.process && !process.ParseFromString(*batch.process)) return batch.count;
  for (const auto& span : spans.spans()) each(span, span.has_process() ? span.process() : process);
  return batch.count - std::min<uint64_t>(batch.count, static_cast<uint64_t>(spans.spans_size()));
}

}  // namespace tracelet::exporter
