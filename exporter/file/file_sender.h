// Appends payloads to a file. When one would grow it beyond its limit, FILE becomes
// FILE.1, FILE.1 becomes FILE.2 and so on, and the oldest is removed. A payload is
// written whole or not at all: what a full disk cut short is taken back.
#pragma once

#include <string>

#include "agent/base/unique_fd.h"
#include "config/config.h"
#include "exporter/sender.h"

namespace tracelet::exporter {

class FileSender : public Sender {
 public:
  explicit FileSender(const config::File& config) : config_(config) {}

  SendResult Send(const Payload& payload, Clock::time_point deadline) override;
  void Cancel() override {}

 private:
  bool Open();
  void Rotate();

  const config::File config_;
  UniqueFd file_;
  size_t size_ = 0;
};

}  // namespace tracelet::exporter
