// Captured spans and their attributes in the words of Jaeger's api_v2 (model.proto), by
// hand: protobuf's own C++ takes twice as long. What is said is what a Jaeger collector
// makes of the same span in OTLP, see exporter/jaeger/jaeger_encoder.h.
#pragma once

#include <string>
#include <string_view>

#include "agent/span/span.h"

namespace tracelet::exporter::wire {

// A KeyValue as field number `field` of the message that `out` is the inside of.
void AppendJaegerTag(uint32_t field, const span::Attribute& attribute, std::string& out);

// The fields of a Span; `process` is an encoded Process.
void AppendJaegerSpan(const span::Span& span, std::string_view process, std::string& out);

}  // namespace tracelet::exporter::wire
