// A random HTTP/1.x conversation on one connection with the truth about it: what
// parsers may miss, but never mix up. Bodies are full of things that look like heads.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/support/event_builder.h"

namespace tracelet::testing {

// Of one exchange. Its target is "/<index>", its status 200 + index.
struct Truth {
  uint64_t request_begin = 0;
  uint64_t request_end = 0;
  uint64_t response_begin = 0;  // of the final response
  uint64_t response_end = 0;
  uint64_t request_body = 0;
  uint64_t response_body = 0;
};

struct ConversationOptions {
  size_t exchanges = 12;
  bool server = true;        // which end is watched
  bool pipelining = false;   // some requests are sent in batches
  bool capture_all = false;  // else heads only, as the kernel does (bpf/head.h)
  bool skew = false;         // now and then an event is stamped after one of the other direction
};

struct Conversation {
  Scene scene;
  std::vector<Truth> truth;
};

// Deterministic for a given state of `random`. Fills a Conversation; the first event is the OPEN.
void MakeConversation(const ConversationOptions& options, std::mt19937& random, Conversation& conversation);

}  // namespace tracelet::testing
