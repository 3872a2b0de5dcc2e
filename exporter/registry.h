// The outputs that a configuration asks for, each as a running worker. To add one:
// an Encoder, a Sender, a section in config.h, and one entry in registry.cc.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "config/config.h"
#include "exporter/export_worker.h"

namespace tracelet::exporter {

// None where nothing is configured. Connects later, in the workers; fails only on
// what no time can heal, such as an endpoint that is none.
Result<std::vector<std::unique_ptr<ExportWorker>>> StartWorkers(const config::Config& config,
                                                                const std::string& host_name);

}  // namespace tracelet::exporter
