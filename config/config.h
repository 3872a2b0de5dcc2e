// Every setting with its default. [section.part] key in tracelet.toml is
// config.section.part.key here and belongs to agent/section/part.h there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tracelet::config {

// What is traced. Empty lists select everything; lists are "or" inside and "and"
// among each other.
struct Selector {
  std::vector<uint32_t> pids;      // the process itself, not its children
  std::vector<std::string> exes;   // globs against the path of the executable
  std::vector<uint16_t> ports;     // local or remote
  std::string cgroup;              // path of a cgroup directory: it and all below
  std::string netns;               // path of a network namespace file
  uint32_t tree = 0;               // pid: the process and all it starts; 0 = not used
};

struct Source {
  uint32_t ring_bytes = 8u << 20;        // per ring, a power of two; mapped twice by the kernel's layout
  uint32_t cpus_per_ring = 8;
  uint32_t max_connections = 65'536;
  uint32_t max_threads = 65'536;
  uint32_t max_processes = 32'768;
  uint32_t drain_interval_ms = 20;       // also wakes when a ring is an eighth full
};

struct Conn {
  size_t max_connections = 65'536;
  uint64_t idle_close_ns = 3'600'000'000'000;  // forget a connection that says nothing for an hour
};

struct Http {
  size_t max_head_bytes = 16'384;
  size_t max_outstanding = 128;  // pipelined requests per connection
  uint64_t quiet_end_ms = 1'000;  // a response of unknown length is over after this long without a byte
};

struct Span {
  uint64_t hold_ms = 1'000;
  size_t max_open = 65'536;
  size_t max_held = 65'536;
  size_t max_routes = 200;  // names per service before they become "{other}"
  std::vector<std::string> allowed_query_keys;  // values of all other keys are replaced
};

struct Config {
  Selector selector;
  Source source;
  Conn conn;
  Http http;
  Span span;
};

}  // namespace tracelet::config
