// OTLP's text is UTF-8, and collectors refuse a whole request for one byte that is
// not (RFC 3629; overlong forms, surrogates and what lies above U+10FFFF included).
// Jaeger 1.53 takes any text but a service's name: there its collector panics.
#pragma once

#include <string>
#include <string_view>

namespace tracelet::exporter::wire {

[[nodiscard]] bool IsUtf8(std::string_view text);

// Each byte that is not part of a character becomes U+FFFD.
[[nodiscard]] std::string ToUtf8(std::string_view text);

}  // namespace tracelet::exporter::wire
