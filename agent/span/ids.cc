#include "agent/span/ids.h"

#include <spdlog/fmt/fmt.h>

namespace tracelet::span {

std::string SpanId::Hex() const { return fmt::format("{:016x}", value); }
std::string TraceId::Hex() const { return fmt::format("{:016x}{:016x}", high, low); }

}  // namespace tracelet::span
