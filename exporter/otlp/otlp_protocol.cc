#include "exporter/otlp/otlp_protocol.h"

#include <grpcpp/support/status_code_enum.h>

#include <algorithm>

#include "exporter/proto/otlp/trace_service.pb.h"
#include "exporter/wire/utf8.h"

namespace tracelet::exporter {

uint64_t OtlpRejectedSpans(const std::string& response, std::string& reason) {
  ::opentelemetry::proto::collector::trace::v1::ExportTraceServiceResponse message;
  if (response.empty() || !message.ParseFromString(response)) return 0;
  const auto& partial = message.partial_success();
  if (partial.rejected_spans() > 0) {
    reason = std::to_string(partial.rejected_spans()) + " spans refused: " + wire::ToUtf8(partial.error_message());
  }
  return static_cast<uint64_t>(std::max<int64_t>(0, partial.rejected_spans()));
}

bool OtlpGrpcProtocol::Retryable(const GrpcResult& result) const {
  switch (result.code) {
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::ABORTED:
    case grpc::StatusCode::OUT_OF_RANGE:
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DATA_LOSS:
      return true;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return result.retry_after.has_value();
    default:
      return false;
  }
}

}  // namespace tracelet::exporter
