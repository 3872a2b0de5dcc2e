// What is told of requests before they end, because a span is made at its end: how far the gRPC calls are that go on
// for long (/metrics), and what was open at the end of a run (its summary). Made when somebody asks, of what the
// connections know. Capture thread.
#pragma once

#include <cstdint>
#include <string>

namespace tracelet::pipeline {

class Pipeline;

// Calls older than `older_than_ns`, by process, role, service and method, in Prometheus' text format. At most
// kMaxOpenSeries of these combinations; further ones are service "{other}".
inline constexpr size_t kMaxOpenSeries = 200;
void RenderOpenCalls(const Pipeline& pipeline, uint64_t older_than_ns, std::string& out);

// "3: shop served GET /events 12.3 s; ...", of at most kMaxOpenShown of them, the oldest ones; empty if there is none.
inline constexpr size_t kMaxOpenShown = 5;
std::string DescribeOpen(const Pipeline& pipeline);

}  // namespace tracelet::pipeline
