// Where grpc-go says whose call a stream is (bpf/go_calls.h), and which stream a goroutine serves. Any thread.
#pragma once

#include "agent/base/result.h"
#include "agent/runtime/go_file.h"
#include "agent/runtime/goroutines.h"

namespace tracelet::runtime {

// Adds its probes and offsets; nothing for programs without it, or with a version that is not known.
Result<bool> AddGrpcProbes(const GoFile& file, GoProbes& found);

}  // namespace tracelet::runtime
