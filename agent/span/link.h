// How a parent was found, or why it was not: the two closed lists that users see
// as `tracelet.link` and `tracelet.link.refused`. docs/links.md explains each.
#pragma once

#include <cstdint>
#include <string_view>

namespace tracelet::span {

enum class LinkRule : uint8_t {
  kNone,  // a root
  kHeader,
  kSequence,
  kThread,
  kLoop,
  kPython,
  kGoroutine,
  kHandover,
  kPush,
  kPeer,
  kSdk,
  kInferred,
  kCount,
};

enum class LinkRefusal : uint8_t {
  kNone,          // not refused: a parent, or nothing that could be one
  kAmbiguous,     // two parents are possible
  kNoEvidence,    // requests are open in the process, nothing ties one to this call
  kConflict,      // two rules name different parents
  kEventLoop,     // the thread waits for many connections: who caused the call is not visible
  kTimer,         // the call was made from a timer
  kDeferredWork,  // the call was made after the callback that read the request
  kPool,          // a pool's worker
  kQueue,         // work passed through a queue
  kLostEvent,     // events were lost that could have said more
  kAdopted,       // connection or thread is older than the agent, its past is unknown
  kUnsupportedRuntime,
  kNoAnswer,       // the agent of the caller's node did not say in time which trace it is
  kUnknownToPeer,  // it has not seen the call
  kCount,
};

std::string_view Name(LinkRule rule);
std::string_view Name(LinkRefusal refusal);

}  // namespace tracelet::span
