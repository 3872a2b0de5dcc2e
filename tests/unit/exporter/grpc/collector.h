// A collector on loopback that does what a test says.
#pragma once

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "exporter/proto/google_rpc.pb.h"
#include "exporter/proto/jaeger/collector.grpc.pb.h"
#include "exporter/proto/otlp/trace_service.grpc.pb.h"

namespace tracelet::exporter {

class Collector : public ::jaeger::api_v2::CollectorService::Service,
                  public ::opentelemetry::proto::collector::trace::v1::TraceService::Service {
 public:
  using OtlpRequest = ::opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;
  using OtlpResponse = ::opentelemetry::proto::collector::trace::v1::ExportTraceServiceResponse;

  explicit Collector(int port = 0,
                     std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials()) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:" + std::to_string(port), credentials, &port_);
    builder.RegisterService(static_cast<::jaeger::api_v2::CollectorService::Service*>(this));
    builder.RegisterService(static_cast<::opentelemetry::proto::collector::trace::v1::TraceService::Service*>(this));
    server_ = builder.BuildAndStart();
  }
  ~Collector() override {
    Hang(false);
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(100));
  }

  void Answer(grpc::Status status) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(status);
  }
  void Hang(bool hang) {
    const std::lock_guard lock(mutex_);
    hung_ = hang;
    changed_.notify_all();
  }
  void RefuseSpans(int64_t spans) { refused_spans_ = spans; }

  grpc::Status PostSpans(grpc::ServerContext* context, const ::jaeger::api_v2::PostSpansRequest* request,
                         ::jaeger::api_v2::PostSpansResponse* /*response*/) override {
    return Take(context, static_cast<uint64_t>(request->batch().spans_size()));
  }
  grpc::Status Export(grpc::ServerContext* context, const OtlpRequest* request, OtlpResponse* response) override {
    uint64_t spans = 0;
    for (const auto& resource : request->resource_spans()) {
      for (const auto& scope : resource.scope_spans()) spans += static_cast<uint64_t>(scope.spans_size());
    }
    if (refused_spans_ > 0) {
      response->mutable_partial_success()->set_rejected_spans(refused_spans_);
      response->mutable_partial_success()->set_error_message("too old");
    }
    return Take(context, spans);
  }

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] uint64_t spans() const {
    const std::lock_guard lock(mutex_);
    return spans_;
  }
  [[nodiscard]] int calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  [[nodiscard]] std::string header(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto found = headers_.find(name);
    return found == headers_.end() ? "" : found->second;
  }

 private:
  grpc::Status Take(grpc::ServerContext* context, uint64_t spans) {
    std::unique_lock lock(mutex_);
    ++calls_;
    for (const auto& [name, value] : context->client_metadata()) {
      headers_[std::string(name.data(), name.size())] = std::string(value.data(), value.size());
    }
    changed_.wait(lock, [&] { return !hung_; });
    if (answer_.ok()) spans_ += spans;
    return answer_;
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  grpc::Status answer_;
  bool hung_ = false;
  std::atomic<int64_t> refused_spans_ = 0;
  uint64_t spans_ = 0;
  int calls_ = 0;
  std::map<std::string, std::string> headers_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

inline grpc::Status Busy(int64_t retry_after_s) {
  google::rpc::RetryInfo info;
  info.mutable_retry_delay()->set_seconds(retry_after_s);
  google::rpc::Status status;
  status.add_details()->PackFrom(info);
  return {grpc::StatusCode::RESOURCE_EXHAUSTED, "busy", status.SerializeAsString()};
}

}  // namespace tracelet::exporter
