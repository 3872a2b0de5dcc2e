#include "exporter/http/http_sender.h"

#include <httplib.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <utility>

#include "agent/cli/version.h"
#include "exporter/http/gzip.h"
#include "exporter/tls_files.h"

namespace tracelet::exporter {
namespace {

using std::chrono::milliseconds;

// opentelemetry.io/docs/specs/otlp, "Retryable response codes".
bool Retryable(int status) { return status == 429 || status == 502 || status == 503 || status == 504; }

}  // namespace

Result<HttpAddress> ParseHttpEndpoint(const std::string& endpoint, const std::string& default_path) {
  const size_t scheme_end = endpoint.find("://");
  const std::string scheme = endpoint.substr(0, scheme_end);
  if (scheme_end == std::string::npos || (scheme != "http" && scheme != "https")) {
    return Error{"\"" + endpoint + "\" does not begin with http:// or https://"};
  }
  const size_t host = scheme_end + 3;
  const size_t path = endpoint.find('/', host);
  if (host == endpoint.size() || path == host) return Error{"\"" + endpoint + "\" names no host"};
  if (path == std::string::npos) return HttpAddress{endpoint, default_path};
  return HttpAddress{endpoint.substr(0, path), path + 1 == endpoint.size() ? default_path : endpoint.substr(path)};
}

std::optional<milliseconds> ParseRetryAfter(const std::string& value, time_t now) {
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (error == std::errc() && end == value.data() + value.size()) {
    return milliseconds(std::clamp<int64_t>(seconds, 0, 1'000'000) * 1'000);
  }
  tm date{};
  if (strptime(value.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date) == nullptr) return std::nullopt;
  return milliseconds(std::clamp<int64_t>(timegm(&date) - now, 0, 1'000'000) * 1'000);
}

class HttpSender::Connection {
 public:
  Connection(HttpOptions options, const HttpAddress& address)
      : options_(std::move(options)), address_(address), tls_(WithTls(options_.tls, address)) {}

  SendResult Post(const Payload& payload, Clock::time_point deadline, const Rejected& rejected);
  void Cancel();

 private:
  static config::Tls WithTls(config::Tls tls, const HttpAddress& address) {
    tls.enabled = address.origin.rfind("https", 0) == 0;
    return tls;
  }
  std::shared_ptr<httplib::Client> Client();
  [[nodiscard]] httplib::Request MakeRequest(const Payload& payload) const;
  [[nodiscard]] SendResult Judge(const httplib::Response& response, const std::string& body,
                                 const Rejected& rejected) const;

  const HttpOptions options_;
  const HttpAddress address_;
  TlsFiles tls_;
  std::mutex mutex_;
  std::shared_ptr<httplib::Client> client_;
  bool cancelled_ = false;
};

std::shared_ptr<httplib::Client> HttpSender::Connection::Client() {
  const std::lock_guard lock(mutex_);
  if (cancelled_) return nullptr;
  if (tls_.Changed(Clock::now())) client_.reset();
  if (client_) return client_;
  const config::Tls& tls = tls_.config();
  client_ = std::make_shared<httplib::Client>(address_.origin, tls.cert_file, tls.key_file);
  client_->set_keep_alive(true);
  client_->set_tcp_nodelay(true);
  if (tls.enabled) {
    if (!tls.ca_file.empty()) client_->set_ca_cert_path(tls.ca_file);
    client_->enable_server_certificate_verification(!tls.skip_verify);
  }
  return client_;
}

httplib::Request HttpSender::Connection::MakeRequest(const Payload& payload) const {
  httplib::Request request;
  request.method = "POST";
  request.path = address_.path;
  request.headers = {{"Content-Type", options_.content_type}, {"User-Agent", std::string("tracelet/") + cli::kVersion}};
  for (const auto& [name, value] : options_.headers) request.headers.emplace(name, value);
  if (options_.gzip) request.headers.emplace("Content-Encoding", "gzip");
  request.body = options_.gzip ? Gzip(*payload.bytes) : *payload.bytes;
  return request;
}

SendResult HttpSender::Connection::Judge(const httplib::Response& response, const std::string& body,
                                         const Rejected& rejected) const {
  SendResult result;
  if (response.status >= 200 && response.status < 300) {
    result.rejected = rejected(body, result.reason);
    return result;
  }
  result.status = Retryable(response.status) ? SendStatus::kRetry : SendStatus::kRejected;
  result.reason = options_.endpoint + ": HTTP status " + std::to_string(response.status);
  if (response.has_header("Retry-After")) {
    result.retry_after = ParseRetryAfter(response.get_header_value("Retry-After"), std::time(nullptr));
  }
  return result;
}

SendResult HttpSender::Connection::Post(const Payload& payload, Clock::time_point deadline, const Rejected& rejected) {
  const auto client = Client();
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
  if (!client || left <= milliseconds(0)) return {SendStatus::kRetry, 0, std::nullopt, "no time left"};
  client->set_connection_timeout(left);
  client->set_read_timeout(left);
  client->set_write_timeout(left);
  std::string body;
  httplib::Response response;
  httplib::Error error = httplib::Error::Success;
  httplib::Request request = MakeRequest(payload);
  bool answered = false;
  request.response_handler = [&](const httplib::Response&) { return answered = true; };
  request.content_receiver = [&](const char* data, size_t size, uint64_t /*offset*/, uint64_t /*total*/) {
    body.append(data, size);
    return body.size() <= kMaxAnswerBytes && Clock::now() < deadline;
  };
  if (client->send(request, response, error) || (answered && error == httplib::Error::Canceled)) {
    return Judge(response, body, rejected);
  }
  return {SendStatus::kRetry, 0, std::nullopt, options_.endpoint + ": " + httplib::to_string(error)};
}

void HttpSender::Connection::Cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  if (client_) client_->stop();
}

HttpSender::HttpSender(std::vector<HttpOptions> endpoints, Rejected rejected)
    : rejected_(std::move(rejected)), rotation_(endpoints.size()) {
  for (HttpOptions& options : endpoints) {
    const auto address = ParseHttpEndpoint(options.endpoint, options.default_path);
    if (address) connections_.push_back(std::make_unique<Connection>(std::move(options), *address));
  }
  rotation_ = Rotation(connections_.size());
}

HttpSender::~HttpSender() = default;

SendResult HttpSender::Send(const Payload& payload, Clock::time_point deadline) {
  return rotation_.Send(deadline,
                        [&](size_t index) { return connections_[index]->Post(payload, deadline, rejected_); });
}

void HttpSender::Cancel() {
  for (const auto& connection : connections_) connection->Cancel();
}

}  // namespace tracelet::exporter
