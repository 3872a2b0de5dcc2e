// Recordings: everything that a source told its sink, in a file that replays it.
//
// A file is a RecordingHeader, then records: a RecordHeader and `size` bytes.
// All numbers are in the byte order of the machine that recorded, because events
// are stored as the kernel wrote them; a replay refuses another byte order by the
// magic. A snapshot of processes needs no record of its own: OnProcess comes
// before a process's first event, live as well as here.
//
// Recordings contain heads of messages and command lines as they were captured.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>

#include "agent/base/result.h"
#include "agent/source/event_source.h"

namespace tracelet::source {

constexpr uint64_t kRecordingMagic = 0x31'74'65'6c'65'63'61'72ULL;  // "racelet1" in memory on a little-endian machine
constexpr size_t kMaxRecordBytes = 1u << 20;                        // longer ones are corrupt

struct RecordingHeader {
  uint64_t magic = kRecordingMagic;
  uint32_t events_version = EVENTS_VERSION;
  uint32_t size = sizeof(RecordingHeader);
  uint64_t monotonic_ns = 0;  // the first clock pair
  uint64_t realtime_ns = 0;
  char architecture[32] = {};  // uname -m
  char kernel[96] = {};        // uname -r
};
static_assert(sizeof(RecordingHeader) == 160, "recorded layout");

enum class RecordKind : uint32_t {
  kEvent = 1,      // an event of bpf/events.h
  kProcess = 2,    // JSON, see ProcessToJson
  kClock = 3,      // ClockPair
  kWatermark = 4,  // uint64_t
  kLedger = 5,     // KernelLedger; the last record of a recording that was ended properly
};

struct RecordHeader {
  uint32_t size = 0;  // of what follows
  RecordKind kind = RecordKind::kEvent;
};

std::string ProcessToJson(const process::ProcessInfo& info);
// Missing or odd fields become empty; an error only if it is no JSON object with a tgid.
Result<process::ProcessInfo> ProcessFromJson(std::string_view json);

// Writes all that it is told, then tells it to `next`. Same thread as any
// EventSink. When writing fails it stops writing, says so in status(), and goes on
// forwarding: a full disk does not stop tracing.
class Recorder : public EventSink {
 public:
  // `next` must outlive the recorder.
  static Result<std::unique_ptr<Recorder>> Create(const std::string& path, EventSink& next);
  Recorder(std::unique_ptr<std::ostream> out, std::string name, EventSink& next);

  void OnClock(const ClockPair& pair) override;
  void OnProcess(const process::ProcessInfo& info) override;
  void OnEvent(const event_header& event) override;
  void OnWatermark(uint64_t monotonic_ns) override;

  // After the source is stopped and drained; ends the file.
  Status Finish(const KernelLedger& ledger);
  [[nodiscard]] const Status& status() const { return status_; }

 private:
  void WriteHeader(const ClockPair& pair);
  void Write(RecordKind kind, const void* bytes, size_t size);
  void CheckStream();

  std::unique_ptr<std::ostream> out_;
  std::string name_;
  EventSink& next_;
  bool header_written_ = false;
  Status status_ = Ok();
};

}  // namespace tracelet::source
