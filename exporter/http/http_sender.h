// Sends payloads as POSTs to one of several receivers, over connections that are
// kept. Follows no redirect. Certificates are read again when their files change.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "config/config.h"
#include "exporter/rotation.h"
#include "exporter/sender.h"

namespace tracelet::exporter {

struct HttpOptions {
  std::string endpoint;      // http://HOST[:PORT][/PATH]; PATH as given, else default_path
  std::string default_path;  // of the protocol
  std::string content_type;
  bool gzip = false;
  std::map<std::string, std::string> headers;
  config::Tls tls;  // files and skip_verify; https in the endpoint switches it on
};

// What `endpoint` says, or what is wrong with it.
struct HttpAddress {
  std::string origin;  // scheme://host:port
  std::string path;
};
Result<HttpAddress> ParseHttpEndpoint(const std::string& endpoint, const std::string& default_path);

// Of a Retry-After header (RFC 9110 §10.2.3: seconds, or a date), from now.
std::optional<std::chrono::milliseconds> ParseRetryAfter(const std::string& value, time_t now);

class HttpSender : public Sender {
 public:
  // Of an answer that is 2xx: spans the backend did not keep; fills in the reason.
  using Rejected = std::function<uint64_t(const std::string& body, std::string& reason)>;
  // An answer longer than this is cut off: a delivered payload is not lost by it.
  static constexpr size_t kMaxAnswerBytes = 64UL * 1024;

  HttpSender(std::vector<HttpOptions> endpoints, Rejected rejected);
  ~HttpSender() override;

  SendResult Send(const Payload& payload, Clock::time_point deadline) override;
  void Cancel() override;

 private:
  class Connection;
  std::vector<std::unique_ptr<Connection>> connections_;
  Rejected rejected_;
  Rotation rotation_;
};

}  // namespace tracelet::exporter
