// What `tracelet agent` is to run with: the file of --config, or the defaults, and over
// it the flags and the environment of jaeger-agent. These without a file ask for what
// jaeger-agent did and no more: capture is off.
#pragma once

#include "agent/base/result.h"
#include "agent/cli/options.h"
#include "config/config.h"

namespace tracelet::cli {

// Notes in the log what is taken without effect. Read again at SIGHUP.
Result<config::Config> AgentConfig(const Options& options);

}  // namespace tracelet::cli
