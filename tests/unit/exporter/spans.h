// Spans written by hand, for the tests of the exporters.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/span/span.h"

namespace tracelet::exporter {

inline constexpr uint64_t kNoonNs = 1'700'049'600'000'000'000;  // 2023-11-15 12:00:00 UTC
inline constexpr uint64_t kMs = 1'000'000;

inline std::shared_ptr<const process::ProcessInfo> Process(const std::string& service, uint32_t pid,
                                                           const std::string& container = "") {
  process::ProcessInfo info;
  info.key = {pid, pid * 1000};
  info.ppid = 1;
  info.comm = service;
  info.exe = "/usr/bin/" + service;
  info.service_name = service;
  info.container_id = container;
  return std::make_shared<process::ProcessInfo>(std::move(info));
}

// A span of trace 0xabc…: `begin` and `end` in ms after noon.
inline std::shared_ptr<span::Span> Server(uint64_t id, uint64_t parent, const std::string& service, uint64_t begin,
                                          uint64_t end) {
  auto span = std::make_shared<span::Span>();
  span->trace_id = {0x0af7651916cd43dd, 0x8448eb211c80319c};
  span->span_id = {id};
  span->parent_span_id = {parent};
  span->name = "GET /" + service + "/{id}";
  span->start_unix_ns = kNoonNs + begin * kMs;
  span->end_unix_ns = kNoonNs + end * kMs;
  span->attributes.push_back({"http.request.method", "GET"});
  span->attributes.push_back({"http.response.status_code", int64_t{200}});
  span->process = Process(service, static_cast<uint32_t>(4000 + service.size()));
  if (parent != 0) span->link = span::LinkRule::kSequence;
  return span;
}

inline std::shared_ptr<span::Span> Client(uint64_t id, uint64_t parent, const std::string& service, uint64_t begin,
                                          uint64_t end) {
  auto span = Server(id, parent, service, begin, end);
  span->kind = span::Kind::kClient;
  span->name = "GET";
  if (parent != 0) span->link = span::LinkRule::kThread;
  return span;
}

inline void SetStatus(span::Span& span, int64_t status) {
  span.attributes[1].value = status;
  if (status >= 500) span.status = span::StatusCode::kError;
}

}  // namespace tracelet::exporter
