// How questions reach another agent: exporter/peer has the one over gRPC.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "agent/span/peer_link.h"

namespace tracelet::peer {

struct CallResult {
  span::PeerReply::Kind kind = span::PeerReply::Kind::kSilent;
  std::vector<span::PeerAnswer> answers;  // kAnswer: as many as there were questions
  std::string error;                      // else
};

class Transport {
 public:
  using Done = std::function<void(CallResult)>;

  virtual ~Transport() = default;
  // Never blocks. `done` is called once, within the timeout, by any thread.
  virtual void Ask(const std::string& endpoint, std::vector<span::MessageName> names, Done done) = 0;
  // Ends what is under way; returns when no `done` will be called any more.
  virtual void Stop() = 0;
};

}  // namespace tracelet::peer
