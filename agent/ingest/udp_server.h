// One UDP port: receives in batches, on threads of its own, and hands each datagram on
// at once. There is no queue here: what waits, waits in the socket, whose buffer is
// large and whose drops are counted by the kernel.
//
// Stop() takes what the kernel already holds, then ends. Start and Stop: one thread;
// numbers: any thread.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "agent/base/result.h"
#include "agent/base/unique_fd.h"
#include "config/config.h"

namespace tracelet::ingest {

struct Datagram {
  std::string_view bytes;
  bool cut = false;  // it was longer than max_packet_bytes
  const sockaddr_storage& from;
};

class DatagramSink {
 public:
  virtual ~DatagramSink() = default;
  // On each thread of the server at once; the bytes are valid during the call.
  virtual void OnDatagram(const Datagram& datagram) = 0;
};

class UdpServer {
 public:
  // Stop() reads no longer than this, should datagrams never end.
  static constexpr std::chrono::seconds kMaxDrain{5};

  // `sink` must outlive the server.
  static Result<std::unique_ptr<UdpServer>> Start(const config::UdpPort& config, DatagramSink& sink);
  ~UdpServer();
  UdpServer(const UdpServer&) = delete;
  UdpServer& operator=(const UdpServer&) = delete;

  void Stop();

  [[nodiscard]] uint16_t port() const;
  // As the kernel counts it: about twice what was asked for, or what rmem_max allows.
  [[nodiscard]] size_t receive_buffer_bytes() const;
  // Datagrams the kernel dropped because the buffer was full.
  [[nodiscard]] uint64_t KernelDrops() const;
  [[nodiscard]] uint64_t read_errors() const { return read_errors_.load(std::memory_order_relaxed); }

 private:
  class Buffers;

  UdpServer(UniqueFd socket, UniqueFd stop, DatagramSink& sink);
  void Run(Buffers& buffers);
  // Hands on what is there now; false: the socket is empty.
  bool ReceiveBatch(Buffers& buffers);
  [[nodiscard]] bool Wait() const;

  UniqueFd socket_;
  UniqueFd stop_;  // an eventfd, readable for good once stopping_ is set
  DatagramSink& sink_;
  std::chrono::microseconds gather_{0};
  std::vector<std::thread> threads_;
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> read_errors_{0};

  mutable std::mutex drops_mutex_;
  mutable uint32_t last_drops_ = 0;  // the kernel's counter, which wraps
  mutable uint64_t drops_ = 0;
};

}  // namespace tracelet::ingest
