// What an OTLP receiver's answers mean (opentelemetry.io/docs/specs/otlp, "Failures").
#pragma once

#include "exporter/grpc/grpc_sender.h"

namespace tracelet::exporter {

// Of an ExportTraceServiceResponse: spans the backend did not keep; `reason` says why.
uint64_t OtlpRejectedSpans(const std::string& response, std::string& reason);

class OtlpGrpcProtocol : public GrpcProtocol {
 public:
  [[nodiscard]] std::string Method() const override {
    return "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
  }
  [[nodiscard]] bool Retryable(const GrpcResult& result) const override;
  uint64_t Rejected(const std::string& response, std::string& reason) const override {
    return OtlpRejectedSpans(response, reason);
  }
};

}  // namespace tracelet::exporter
