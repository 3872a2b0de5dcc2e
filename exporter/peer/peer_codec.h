// tracelet.peer.v1 <-> our own types. Any thread. No protobuf type in this header.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/span/peer_link.h"

namespace tracelet::exporter {

inline constexpr const char* kTokenHeader = "x-tracelet-token";

std::string EncodeQuestions(const std::vector<span::MessageName>& names);
// Nothing when these bytes are no AskResponse.
std::optional<std::vector<span::PeerAnswer>> ParseAnswers(const std::string& bytes);

}  // namespace tracelet::exporter
