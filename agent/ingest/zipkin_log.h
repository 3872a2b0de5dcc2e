// The fields of the log that a Zipkin annotation becomes.
#pragma once

#include <forward_list>
#include <string>
#include <string_view>
#include <vector>

#include "agent/ingest/jaeger_model.h"

namespace tracelet::ingest::zipkin {

// One field per member if the value is a JSON object of strings (null counts as an empty
// string), in its order: clients wrote structured logs so. Else one field, "event".
// Text that is made goes to `made`.
std::vector<Tag> LogFields(std::string_view value, std::forward_list<std::string>& made);

}  // namespace tracelet::ingest::zipkin
