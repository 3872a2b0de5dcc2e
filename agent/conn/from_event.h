// bpf/events.h -> the words of agent/conn.
#pragma once

#include "agent/conn/connection.h"
#include "agent/conn/operation.h"
#include "bpf/events.h"

namespace tracelet::conn {

ConnectionInfo MakeInfo(const event_open& event, uint64_t number);

// `lost`: see ThreadLosses.
Operation MakeOperation(const event_data& event, uint32_t lost);

}  // namespace tracelet::conn
