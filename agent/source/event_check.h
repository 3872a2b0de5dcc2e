// What stands between foreign bytes (a ring, a file) and code that trusts
// event_header.size: every source asks here before it calls EventSink::OnEvent.
#pragma once

#include <cstddef>
#include <span>

#include "bpf/events.h"

namespace tracelet::source {

// The event at the beginning of `record`, or null: size too small for its kind or
// larger than the record, unknown kind, `captured` or `args_size` beyond the end.
// `record` must be aligned to 8 bytes; the result points into it.
const event_header* CheckEvent(std::span<const std::byte> record);

}  // namespace tracelet::source
