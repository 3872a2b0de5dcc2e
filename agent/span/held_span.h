// A finished request as it is held: what its span takes to make, and no more, because
// tens of thousands are held at a time. The span, ten times as large, is made when it
// is passed on.
#pragma once

#include <cstdint>
#include <memory>

#include "agent/span/request_start.h"
#include "agent/span/span.h"

namespace tracelet::span {

// Who wrote a response's first byte.
enum class Answerer : uint8_t {
  kNobody,  // there is no response
  kReader,  // the thread that read the request's first byte
  kOther,
};

class HeldSpan {
 public:
  virtual ~HeldSpan() = default;

  // Adds what only the protocol knows: name, status, attributes. `start`: of the same request.
  virtual void Describe(const RequestStart& start, Span& span) const = 0;

  Kind kind = Kind::kServer;
  // Of servers. `events_lost`: of its connection while it was open, or of its reader until it answered.
  Answerer answered_by = Answerer::kNobody;
  bool events_lost = false;
  bool waited_for = false;  // of clients: the thread that made the call slept until the answer came, and read it
  uint64_t start_unix_ns = 0;
  uint64_t end_unix_ns = 0;
  std::shared_ptr<const process::ProcessInfo> process;  // never null

 protected:
  HeldSpan() = default;
  HeldSpan(HeldSpan&&) = default;
};

}  // namespace tracelet::span
