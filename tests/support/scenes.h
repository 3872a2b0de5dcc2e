// The recordings made by hand: what sockets do that parsers of packets do not
// expect. Each is a small conversation whose spans are known (tests/golden/spans).
#pragma once

#include <vector>

#include "tests/support/event_builder.h"

namespace tracelet::testing {

struct NamedScene {
  const char* name;
  void (*play)(Scene&);
};

const std::vector<NamedScene>& Scenes();

// One request and its answer, seen on both ends, each in one system call.
void Exchange(End& client, End& server, std::string_view request, std::string_view response);

}  // namespace tracelet::testing
