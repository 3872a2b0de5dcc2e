#include "exporter/peer/peer_codec.h"

#include "exporter/proto/peer/peer.pb.h"

namespace tracelet::exporter {
namespace api = tracelet::peer::v1;

std::string EncodeQuestions(const std::vector<span::MessageName>& names) {
  api::AskRequest request;
  request.set_name_version(span::MessageName::kVersion);
  for (const span::MessageName& name : names) {
    api::MessageName& to = *request.add_names();
    to.set_client_base(name.client_base);
    to.set_server_base(name.server_base);
    to.set_offset(name.offset);
    to.set_stream_id(name.stream_id);
  }
  return request.SerializeAsString();
}

std::optional<std::vector<span::PeerAnswer>> ParseAnswers(const std::string& bytes) {
  api::AskResponse response;
  if (!response.ParseFromString(bytes)) return std::nullopt;
  std::vector<span::PeerAnswer> answers;
  for (const api::Answer& from : response.answers()) {
    span::PeerAnswer& to = answers.emplace_back();
    if (from.state() == api::Answer::PENDING) to.kind = span::PeerAnswer::Kind::kPending;
    if (from.state() == api::Answer::FINAL) to.kind = span::PeerAnswer::Kind::kFinal;
    to.trace_id = {from.trace_id_high(), from.trace_id_low()};
    to.span_id = {from.span_id()};
    if (from.has_sampled()) to.sampled = from.sampled();
    to.wait_ms = from.wait_ms();
    // W3C Trace Context §3.2.2: zeros are no ids.
    if (to.kind == span::PeerAnswer::Kind::kFinal && (!to.trace_id || !to.span_id)) return std::nullopt;
  }
  return answers;
}

}  // namespace tracelet::exporter
