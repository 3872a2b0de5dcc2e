// Sends payloads to one of several collectors over gRPC. What a status means to the
// queue is the protocol's to say: OTLP and Jaeger differ.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "exporter/grpc/grpc_client.h"
#include "exporter/rotation.h"
#include "exporter/sender.h"

namespace tracelet::exporter {

class GrpcProtocol {
 public:
  virtual ~GrpcProtocol() = default;
  [[nodiscard]] virtual std::string Method() const = 0;
  [[nodiscard]] virtual bool Retryable(const GrpcResult& result) const = 0;
  // Of an answer that is OK: spans the backend did not keep, and why.
  virtual uint64_t Rejected(const std::string& response, std::string& reason) const = 0;
};

class GrpcSender : public Sender {
 public:
  GrpcSender(std::unique_ptr<GrpcProtocol> protocol, std::vector<GrpcOptions> endpoints);

  SendResult Send(const Payload& payload, Clock::time_point deadline) override;
  void Cancel() override;

 private:
  SendResult Attempt(GrpcClient& client, const Payload& payload, Clock::time_point deadline);

  const std::unique_ptr<GrpcProtocol> protocol_;
  std::vector<std::unique_ptr<GrpcClient>> clients_;
  Rotation rotation_;
};

}  // namespace tracelet::exporter
