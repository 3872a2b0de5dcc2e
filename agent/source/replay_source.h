// ReplaySource: a recording as an EventSource. Deterministic: the same file gives
// the same calls. The file is not trusted: what is whole is delivered, then a cut
// or corrupt record is an Error that says where.
#pragma once

#include <cstdint>
#include <istream>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/source/event_source.h"
#include "agent/source/recording.h"

namespace tracelet::source {

class ReplaySource : public EventSource {
 public:
  // Both fail when the header is not that of a recording this version can read.
  static Result<std::unique_ptr<ReplaySource>> Open(const std::string& path);
  static Result<std::unique_ptr<ReplaySource>> Read(std::unique_ptr<std::istream> in, std::string name);

  // Delivers up to and including the next watermark; never waits.
  Result<bool> Poll(EventSink& sink, std::chrono::milliseconds timeout) override;
  void Ignore(const conn_id&, bool) override {}
  void Stop() override { stopped_ = true; }
  // As recorded; of a recording without an end: what was delivered so far.
  [[nodiscard]] KernelLedger Ledger() const override { return ledger_; }

  [[nodiscard]] const RecordingHeader& header() const { return header_; }

 private:
  ReplaySource(std::unique_ptr<std::istream> in, std::string name, const RecordingHeader& header)
      : in_(std::move(in)), name_(std::move(name)), header_(header) {}

  Result<bool> NextRecord();
  Status Deliver(EventSink& sink);
  [[nodiscard]] Error Corrupt(const std::string& what) const;

  std::unique_ptr<std::istream> in_;
  std::string name_;
  RecordingHeader header_;
  RecordHeader record_;
  std::vector<uint64_t> payload_;                 // of record_, aligned as events must be
  uint64_t record_at_ = sizeof(RecordingHeader);  // offset of record_ in the file
  uint64_t next_at_ = sizeof(RecordingHeader);
  KernelLedger ledger_;
  bool clock_delivered_ = false;
  bool stopped_ = false;
};

}  // namespace tracelet::source
