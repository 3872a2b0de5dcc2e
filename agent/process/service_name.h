// What to call a process in a trace. Pure functions.
//
// In this order: OTEL_SERVICE_NAME; service.name in OTEL_RESOURCE_ATTRIBUTES; what a
// runtime was asked to run (jar, main class, script, module); a title the program gave
// itself ("nginx: worker process"); the systemd unit of a plain binary; the binary.
// Names that every other service has too (app.py, server.js, src/) give way to that of
// the folder they are in.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/process/process_info.h"

namespace tracelet::process {

// What ServiceName needs beyond ProcessInfo and nobody keeps.
struct NameEvidence {
  std::string otel_service_name;  // value of OTEL_SERVICE_NAME
  std::string cwd;                // target of /proc/PID/cwd; empty if unreadable
};

// Never empty: "unknown_service" (OpenTelemetry's word for it) when nothing is known.
std::string ServiceName(const ProcessInfo& info, const NameEvidence& evidence);

// Did the process say its name itself (the first two of the rules)?
bool IsStated(const ProcessInfo& info, const NameEvidence& evidence);

// Value of OTEL_RESOURCE_ATTRIBUTES -> "key=value", percent-decoded, in order
// (W3C Baggage form, OpenTelemetry resource SDK). Members without '=' are left out.
std::vector<std::string> ParseResourceAttributes(std::string_view value);

}  // namespace tracelet::process
