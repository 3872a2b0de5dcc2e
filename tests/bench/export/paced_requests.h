// A synthetic source: keep-alive requests on a hundred connections, seen on both
// ends, at a fixed rate. Two spans per request. One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "agent/source/event_source.h"
#include "tests/support/event_builder.h"

namespace tracelet::bench {

class PacedRequests {
 public:
  explicit PacedRequests(source::EventSink& sink);

  // Delivers that many requests, and lets `seconds` pass in the time that events carry.
  void Deliver(uint64_t requests, double seconds);

 private:
  void DeliverEvents();

  source::EventSink& sink_;
  testing::Scene scene_;
  std::vector<std::pair<testing::End*, testing::End*>> connections_;
  size_t next_ = 0;
};

}  // namespace tracelet::bench
