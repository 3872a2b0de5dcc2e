// Captured spans and their attributes in OTLP's words (trace.proto, common.proto), by
// hand: protobuf's own C++ takes twice as long. All text is made UTF-8.
#pragma once

#include <string>

#include "agent/span/span.h"

namespace tracelet::exporter::wire {

// A KeyValue as field number `field` of the message that `out` is the inside of.
void AppendOtlpAttribute(uint32_t field, const span::Attribute& attribute, std::string& out);

// The fields of a Span.
void AppendOtlpSpan(const span::Span& span, std::string& out);

}  // namespace tracelet::exporter::wire
