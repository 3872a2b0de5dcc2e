// What the stitcher wants of the agents on other nodes, and they of it. Implemented by
// peer::Desk; questions and answers travel in batches, so all of this is mailboxes that
// are looked into at each watermark. Capture thread, except PeerAsked::Answer's receiver.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/span/message_name.h"

namespace tracelet::span {

// What an agent says about a call of one of its processes, named by the message's name.
struct PeerAnswer {
  enum class Kind : uint8_t {
    kUnknown,  // it has seen no such call (yet)
    kPending,  // it has, and its trace may still become another one
    kFinal,
  };
  Kind kind = Kind::kUnknown;
  TraceId trace_id = {};             // kFinal
  SpanId span_id = {};               // kFinal: of the client's span
  std::optional<bool> sampled = {};  // kFinal: what the header says that the trace came with
  uint32_t wait_ms = 0;              // kPending: final after this long at the latest
};

// What came of one agent that was asked.
struct PeerReply {
  enum class Kind : uint8_t {
    kAnswer,
    kSilent,   // not reached, or no answer in time
    kRefused,  // it does not want to answer us: other key, too many questions
  };
  uint64_t question = 0;
  Kind kind = Kind::kSilent;
  PeerAnswer answer;
};

// A batch of questions of another agent.
class PeerAsked {
 public:
  virtual ~PeerAsked() = default;
  [[nodiscard]] virtual const std::vector<MessageName>& names() const = 0;
  // In the order of names(). Once; not to be waited for.
  virtual void Answer(std::vector<PeerAnswer> answers) = 0;
};

class PeerLink {
 public:
  virtual ~PeerLink() = default;

  // Is there an agent that may see what this address sends?
  [[nodiscard]] virtual bool Knows(const std::string& address) const = 0;
  // Asks for the trace of `name`. Exactly as many replies will come as this returns.
  virtual size_t Ask(uint64_t question, const MessageName& name, const std::string& address) = 0;
  // What has come since the last time.
  virtual std::vector<PeerReply> TakeReplies() = 0;
  virtual std::vector<std::shared_ptr<PeerAsked>> TakeAsked() = 0;
};

}  // namespace tracelet::span
