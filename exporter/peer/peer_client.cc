#include "exporter/peer/peer_client.h"

#include <algorithm>

#include "exporter/peer/peer_codec.h"

namespace tracelet::exporter {
namespace {

constexpr const char* kMethod = "/tracelet.peer.v1.PeerService/Ask";

// Answers of an agent that is there, and does not want to.
bool IsRefusal(std::string_view code) {
  return code == "UNAUTHENTICATED" || code == "PERMISSION_DENIED" || code == "RESOURCE_EXHAUSTED" ||
         code == "FAILED_PRECONDITION" || code == "INVALID_ARGUMENT" || code == "UNIMPLEMENTED";
}

peer::CallResult ResultOf(const GrpcResult& result, size_t names) {
  using Kind = span::PeerReply::Kind;
  if (!result.ok()) {
    const std::string_view code = GrpcCodeName(result.code);
    return {.kind = IsRefusal(code) ? Kind::kRefused : Kind::kSilent,
            .answers = {},
            .error = std::string(code) + " " + result.message};
  }
  auto answers = ParseAnswers(result.response);
  if (!answers || answers->size() != names) return {.kind = Kind::kRefused, .answers = {}, .error = "no such answer"};
  return {.kind = Kind::kAnswer, .answers = std::move(*answers), .error = {}};
}

}  // namespace

void PeerClient::Ask(const std::string& endpoint, std::vector<span::MessageName> names, Done done) {
  const auto request = std::make_shared<const std::string>(EncodeQuestions(names));
  const auto deadline = GrpcClient::Clock::now() + std::chrono::milliseconds(config_.timeout_ms);
  ClientOf(endpoint)->Start(
      kMethod, request, deadline,
      [done = std::move(done), count = names.size()](const GrpcResult& result) { done(ResultOf(result, count)); });
}

std::shared_ptr<GrpcClient> PeerClient::ClientOf(const std::string& endpoint) {
  const std::lock_guard lock(mutex_);
  if (connections_.size() >= kMaxConnections && !connections_.contains(endpoint)) {
    const auto oldest =
        std::ranges::min_element(connections_, {}, [](const auto& connection) { return connection.second.used; });
    connections_.erase(oldest);  // calls in flight keep what they need
  }
  Connection& connection = connections_[endpoint];
  if (!connection.client) {
    GrpcOptions options;
    options.endpoint = endpoint;
    options.headers = {{kTokenHeader, token_}};
    options.tls = config_.tls;
    connection.client = std::make_shared<GrpcClient>(std::move(options));
  }
  connection.used = GrpcClient::Clock::now();
  return connection.client;
}

void PeerClient::Stop() {
  std::map<std::string, Connection> all;
  {
    const std::lock_guard lock(mutex_);
    all.swap(connections_);
  }
  for (const auto& [endpoint, connection] : all) connection.client->Cancel();
  for (const auto& [endpoint, connection] : all) connection.client->Wait();
}

}  // namespace tracelet::exporter
