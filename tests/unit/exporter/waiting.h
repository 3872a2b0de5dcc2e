// Gives spans to a worker, and waits for what its thread makes of them.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <thread>

#include "exporter/export_worker.h"
#include "tests/unit/exporter/spans.h"

namespace tracelet::exporter {

inline void Offer(ExportWorker& worker, uint64_t spans) {
  for (uint64_t id = 1; id <= spans; ++id) worker.OnSpan(Server(id, 0, "shop", id, id + 1));
}

inline void Await(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  ASSERT_TRUE(condition());
}

}  // namespace tracelet::exporter
