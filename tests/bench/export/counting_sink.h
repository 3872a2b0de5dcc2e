// A collector in a process of its own that takes everything and looks at nothing:
// what it costs is not the agent's.
#pragma once

#include <sys/types.h>

namespace tracelet::bench {

class CountingSink {
 public:
  // Forks: before gRPC is used in this process. Any gRPC method and any POST is answered OK.
  CountingSink();
  ~CountingSink();
  CountingSink(const CountingSink&) = delete;
  CountingSink& operator=(const CountingSink&) = delete;

  // It takes connections, and never answers again.
  void Hang() const;

  [[nodiscard]] int grpc_port() const { return ports_[0]; }
  [[nodiscard]] int http_port() const { return ports_[1]; }

 private:
  pid_t child_ = -1;
  int ports_[2] = {};
};

}  // namespace tracelet::bench
