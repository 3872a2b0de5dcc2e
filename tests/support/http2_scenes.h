// Conversations of HTTP/2 for the golden recordings; see scenes.h.
#pragma once

#include "tests/support/event_builder.h"

namespace tracelet::testing {

// A unary call that fails, a stream of messages, and a call that is cancelled, interleaved.
void GrpcCalls(Scene& scene);
// HTTP/1.1 asks for h2c and is answered in it; a request by HTTP/2 follows.
void Http2Upgrade(Scene& scene);
// A connection older than the agent: what its tables hold is unknown.
void Http2Adopted(Scene& scene);

}  // namespace tracelet::testing
