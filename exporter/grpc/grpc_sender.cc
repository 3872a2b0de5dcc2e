#include "exporter/grpc/grpc_sender.h"

#include <utility>

namespace tracelet::exporter {

GrpcSender::GrpcSender(std::unique_ptr<GrpcProtocol> protocol, std::vector<GrpcOptions> endpoints)
    : protocol_(std::move(protocol)), rotation_(endpoints.size()) {
  for (GrpcOptions& options : endpoints) clients_.push_back(std::make_unique<GrpcClient>(std::move(options)));
}

SendResult GrpcSender::Attempt(GrpcClient& client, const Payload& payload, Clock::time_point deadline) {
  const GrpcResult result = client.Call(protocol_->Method(), payload.bytes, deadline);
  if (result.ok()) {
    SendResult delivered;
    delivered.rejected = protocol_->Rejected(result.response, delivered.reason);
    return delivered;
  }
  SendResult failed;
  failed.status = protocol_->Retryable(result) ? SendStatus::kRetry : SendStatus::kRejected;
  failed.retry_after = result.retry_after;
  failed.reason = client.endpoint() + ": " + std::string(GrpcCodeName(result.code)) + ": " + result.message;
  return failed;
}

SendResult GrpcSender::Send(const Payload& payload, Clock::time_point deadline) {
  return rotation_.Send(deadline, [&](size_t index) { return Attempt(*clients_[index], payload, deadline); });
}

void GrpcSender::Cancel() {
  for (const auto& client : clients_) client->Cancel();
}

}  // namespace tracelet::exporter
