// `tracelet agent`: the daemon of one node. With main.cc the composition root: these
// two files alone name concrete sources, processors and exporters.
//
// SIGTERM and SIGINT end it within kStopWithin: capture stops and is drained, what the
// kernel holds of datagrams is read, held spans pass, the exporters send what they
// have. SIGHUP reads the configuration
// again: sampling and redaction change at once, everything else that differs is
// named in the log as needing a restart. Certificates need no signal.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "agent/base/result.h"
#include "config/config.h"

namespace tracelet {

inline constexpr std::chrono::seconds kStopWithin{10};

// Until a signal. `read_again` is asked at SIGHUP; may be empty. Main thread.
Status RunDaemon(const config::Config& config, std::function<Result<config::Config>()> read_again,
                 const std::string& host_name);

}  // namespace tracelet
