#include "exporter/jaeger/jaeger_protocol.h"

#include <grpcpp/support/status_code_enum.h>

namespace tracelet::exporter {

bool JaegerProtocol::Retryable(const GrpcResult& result) const {
  switch (result.code) {
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::ABORTED:
    case grpc::StatusCode::CANCELLED:
      return true;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      // gRPC says it too, and for good, of a message over the collector's limit.
      return result.message.find("larger than max") == std::string::npos;
    default:
      return false;
  }
}

}  // namespace tracelet::exporter
