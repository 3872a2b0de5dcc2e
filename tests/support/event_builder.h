// Events of bpf/events.h by hand, so that everything right of the source is tested
// without a kernel. A Scene has a clock and gives out events in order of time; an
// End is one end of one connection and knows its stream offsets, as the kernel does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/process/process_info.h"
#include "agent/source/event_source.h"
#include "bpf/events.h"

namespace tracelet::testing {

// The bytes of one event, aligned as the ring buffer aligns them.
class Event {
 public:
  explicit Event(size_t size) : words_((size + 7) / 8) { header().size = static_cast<uint32_t>(size); }
  event_header& header() { return *reinterpret_cast<event_header*>(words_.data()); }
  [[nodiscard]] const event_header& header() const { return *reinterpret_cast<const event_header*>(words_.data()); }
  template <typename T>
  T& as() {
    return *reinterpret_cast<T*>(words_.data());
  }
  template <typename T>
  [[nodiscard]] const T& as() const {
    return *reinterpret_cast<const T*>(words_.data());
  }

 private:
  std::vector<uint64_t> words_;
};

struct Thread {
  process::ProcessKey process;
  uint32_t tid = 0;
  uint32_t waits = 0;
  uint32_t attempts = 0;
  // A loop that is understood: the programs say what its writes are caused by.
  bool loop = false;
  uint32_t turn = 0;
  loop_reason reason = LOOP_WAITED;  // set it as the programs would; a read sets LOOP_READ

  [[nodiscard]] uint64_t Evidence() const { return LOOP_EVIDENCE(reason, turn); }
};

class Scene;

// What an End tells of itself in its OPEN event.
struct EndOptions {
  conn_role role = ROLE_UNKNOWN;
  uint32_t flags = 0;  // CONN_*
  uint32_t tx_base = 0;
  uint32_t rx_base = 0;
  uint64_t sock = 0;  // 0: a new one
  uint16_t local_port = 0;
  uint16_t remote_port = 0;
  uint32_t inode = 0;
  uint32_t peer_inode = 0;
  std::string unix_path;  // not empty: a Unix socket
  bool accepted = false;
};

class End {
 public:
  End(Scene& scene, Thread& thread, const EndOptions& options);

  void Open();
  void BeginConnect();  // connect() returned
  // One system call that moved `bytes`; those beyond `captured` stay in the kernel.
  void Receive(std::string_view bytes, size_t captured = std::string_view::npos, uint16_t flags = 0);
  void Send(std::string_view bytes, size_t captured = std::string_view::npos, uint16_t flags = 0);
  void Peek();
  void EndOfFile();
  void Fail(int error, event_direction direction = DIRECTION_RX);
  void LocalFin();
  void Done(int error = 0);

  // What the programs believe; a test may lie.
  uint64_t offset[2] = {};
  int64_t record[2] = {};  // event_data.record of what follows
  conn_id id = {};
  Thread* thread;

 private:
  void Data(event_direction direction, std::string_view bytes, size_t captured, uint16_t flags, int error);
  void Close(close_how how, int error);

  Scene& scene_;
  EndOptions options_;
};

class Scene {
 public:
  static constexpr uint64_t kStart = 1'000'000'000'000;  // CLOCK_MONOTONIC
  static constexpr uint64_t kUnix = 1'700'000'000'000'000'000;

  // A process with one thread.
  Thread& Process(uint32_t pid, const std::string& service);
  // Another thread of the same process.
  Thread& AnotherThread(const Thread& of, uint32_t tid);
  // Both ends of a TCP connection on this host: first the client's, then the server's.
  std::pair<End*, End*> Connect(Thread& client, Thread& server, uint32_t flags = 0);
  std::pair<End*, End*> ConnectUnix(Thread& client, Thread& server, const std::string& path, bool peer_known = true);
  End& Add(Thread& thread, const EndOptions& options);
  void Exit(const Thread& thread);

  // Time between two events.
  void Wait(uint64_t ns) { now_ += ns; }
  [[nodiscard]] uint64_t now() const { return now_; }
  void Push(Event event);
  // The last event never reaches user space: its ring was full.
  void LoseLast() { events.pop_back(); }

  // What a source says first: the clock and the processes.
  void Begin(source::EventSink& sink) const;
  // Everything, as a source would: processes, events, watermarks.
  void Play(source::EventSink& sink) const;

  std::vector<Event> events;

 private:
  std::deque<Thread> threads_;
  std::deque<End> ends_;
  std::vector<process::ProcessInfo> processes_;
  uint64_t now_ = kStart;
  uint64_t next_sock_ = 0xffff888000001000;
  uint32_t next_inode_ = 1000;
  uint32_t next_base_ = 0x10000000;
  uint16_t next_port_ = 40000;
};

}  // namespace tracelet::testing
