#include "agent/source/replay_source.h"

#include <cstddef>
#include <cstring>
#include <fstream>
#include <span>
#include <string_view>

#include "agent/source/event_check.h"

namespace tracelet::source {

Result<std::unique_ptr<ReplaySource>> ReplaySource::Open(const std::string& path) {
  auto file = std::make_unique<std::ifstream>(path, std::ios::binary);
  if (!*file) return SystemError("cannot read " + path);
  return Read(std::move(file), path);
}

Result<std::unique_ptr<ReplaySource>> ReplaySource::Read(std::unique_ptr<std::istream> in, std::string name) {
  RecordingHeader header;
  in->read(reinterpret_cast<char*>(&header), sizeof(header));
  if (in->gcount() != sizeof(header) || header.magic != kRecordingMagic || header.size != sizeof(header)) {
    return Error{name + " is not a recording of tracelet, or of a machine with another byte order"};
  }
  if (header.events_version != EVENTS_VERSION) {
    return Error{name + " has events of version " + std::to_string(header.events_version) +
                 ", this tracelet reads version " + std::to_string(EVENTS_VERSION)};
  }
  header.architecture[sizeof(header.architecture) - 1] = 0;
  header.kernel[sizeof(header.kernel) - 1] = 0;
  return std::unique_ptr<ReplaySource>(new ReplaySource(std::move(in), std::move(name), header));
}

Result<bool> ReplaySource::Poll(EventSink& sink, std::chrono::milliseconds) {
  if (!clock_delivered_) {
    sink.OnClock({header_.monotonic_ns, header_.realtime_ns});
    clock_delivered_ = true;
  }
  while (!stopped_) {
    Result<bool> more = NextRecord();
    if (!more || !*more) return more;
    if (Status status = Deliver(sink); !status) return status.error();
    if (record_.kind == RecordKind::kWatermark) return true;
  }
  return false;
}

// Reads record_ and payload_; false at the end of the file.
Result<bool> ReplaySource::NextRecord() {
  record_at_ = next_at_;
  in_->read(reinterpret_cast<char*>(&record_), sizeof(record_));
  if (in_->gcount() == 0) return false;
  if (in_->gcount() != sizeof(record_)) return Corrupt("is cut off");
  if (record_.size > kMaxRecordBytes) return Corrupt("has an impossible length");
  payload_.resize(record_.size / sizeof(uint64_t) + 1);
  in_->read(reinterpret_cast<char*>(payload_.data()), record_.size);
  if (in_->gcount() != static_cast<std::streamsize>(record_.size)) return Corrupt("is cut off");
  next_at_ = record_at_ + sizeof(record_) + record_.size;
  return true;
}

Status ReplaySource::Deliver(EventSink& sink) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(payload_.data()), record_.size);
  switch (record_.kind) {
    case RecordKind::kEvent: {
      const event_header* event = CheckEvent(bytes);
      if (event == nullptr) return Corrupt("is not an event");
      ++ledger_.attempted;
      ++ledger_.consumed;
      sink.OnEvent(*event);
      return Ok();
    }
    case RecordKind::kProcess: {
      auto info = ProcessFromJson({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
      if (!info) return Corrupt("is not a process");
      sink.OnProcess(*info);
      return Ok();
    }
    case RecordKind::kClock: {
      ClockPair pair;
      if (bytes.size() != sizeof(pair)) return Corrupt("is not a clock pair");
      std::memcpy(&pair, bytes.data(), sizeof(pair));
      sink.OnClock(pair);
      return Ok();
    }
    case RecordKind::kWatermark:
      if (bytes.size() != sizeof(uint64_t)) return Corrupt("is not a watermark");
      sink.OnWatermark(payload_.front());
      return Ok();
    case RecordKind::kLedger:
      if (bytes.size() > sizeof(ledger_) ||
          bytes.size() < offsetof(KernelLedger, records_lost))  // an older one has no later counters
        return Corrupt("is not a ledger");
      std::memcpy(&ledger_, bytes.data(), sizeof(ledger_));
      return Ok();
  }
  return Corrupt("is of an unknown kind");
}

Error ReplaySource::Corrupt(const std::string& what) const {
  return Error{name_ + ": the record at byte " + std::to_string(record_at_) + " " + what +
               "; everything before it was replayed"};
}

}  // namespace tracelet::source
