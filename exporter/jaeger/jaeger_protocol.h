// What a Jaeger collector's answers mean. Busy and away are worth another try, as in
// jaeger-agent; so is no answer in time, though the spans may have arrived.
#pragma once

#include "exporter/grpc/grpc_sender.h"

namespace tracelet::exporter {

class JaegerProtocol : public GrpcProtocol {
 public:
  [[nodiscard]] std::string Method() const override { return "/jaeger.api_v2.CollectorService/PostSpans"; }
  [[nodiscard]] bool Retryable(const GrpcResult& result) const override;
  uint64_t Rejected(const std::string& /*response*/, std::string& /*reason*/) const override { return 0; }
};

}  // namespace tracelet::exporter
