// Calls of one collector, in bytes: the caller has the messages encoded already.
// Behind the address, gRPC resolves names again and again and takes turns between
// what they resolve to. A connection on which a call got no answer in time is not
// trusted again, and one whose certificates were replaced is made anew.
// Call: any thread, any number at once. No gRPC type in this header.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"

namespace tracelet::exporter {

struct GrpcOptions {
  std::string endpoint;  // HOST:PORT, or a name with gRPC's own scheme such as dns:///
  bool gzip = false;
  std::map<std::string, std::string> headers;  // sent with each call; names in lower case
  config::Tls tls;
};

// One for each endpoint of a section: config::Jaeger, config::Otlp.
template <typename Section>
std::vector<GrpcOptions> GrpcEndpoints(const Section& section) {
  std::vector<GrpcOptions> endpoints;
  for (const std::string& endpoint : section.endpoints) {
    endpoints.push_back({endpoint, section.gzip, section.headers, section.tls});
  }
  return endpoints;
}

struct GrpcResult {
  int code = 0;  // grpc::StatusCode; 0 is OK
  std::string message;
  std::string response;
  std::optional<std::chrono::milliseconds> retry_after;  // google.rpc.RetryInfo

  [[nodiscard]] bool ok() const { return code == 0; }
};

// "UNAVAILABLE", as gRPC's documentation writes it.
std::string_view GrpcCodeName(int code);

class GrpcClient {
 public:
  using Clock = std::chrono::steady_clock;

  explicit GrpcClient(GrpcOptions options);
  ~GrpcClient();

  // `method` as on the wire: "/jaeger.api_v2.CollectorService/PostSpans".
  GrpcResult Call(const std::string& method, std::shared_ptr<const std::string> request, Clock::time_point deadline);
  using Done = std::function<void(GrpcResult)>;
  // The same without waiting: `done` is called once, by any thread, this one included.
  void Start(const std::string& method, std::shared_ptr<const std::string> request, Clock::time_point deadline,
             Done done);
  // Ends the calls in flight and every later one.
  void Cancel();
  // Until none is in flight and no `done` will be called any more. Not from a `done`; nor may the client end there.
  void Wait();

  [[nodiscard]] const std::string& endpoint() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tracelet::exporter
