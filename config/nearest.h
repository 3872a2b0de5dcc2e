// "Did you mean": the candidate that the fewest edits turn a mistyped word into.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tracelet::config {

// Of dotted names; one with the same last part in another place is near as well.
// None when nothing is near enough to be meant.
std::optional<std::string> Nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace tracelet::config
