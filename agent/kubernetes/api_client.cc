#include "agent/kubernetes/api_client.h"

#include <httplib.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

#include "agent/cli/version.h"

namespace tracelet::kubernetes {
namespace {

constexpr std::chrono::seconds kConnect{5};
constexpr std::chrono::seconds kAnswer{30};
constexpr std::chrono::milliseconds kStopAgain{10};
constexpr size_t kMaxErrorBytes = 4'096;

std::string ReadToken(const std::string& path) {
  std::ifstream file(path);
  std::string token{std::istreambuf_iterator<char>(file), {}};
  while (token.ends_with('\n')) token.pop_back();
  return token;
}

std::string Variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing sets variables
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

std::string ApiAddress(const config::Kubernetes& config) {
  if (!config.api.empty()) return config.api;
  std::string host = Variable("KUBERNETES_SERVICE_HOST");
  const std::string port = Variable("KUBERNETES_SERVICE_PORT");
  if (host.empty()) return {};
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return "https://" + host + (port.empty() ? "" : ":" + port);
}

ApiClient::ApiClient(config::Kubernetes config) : config_(std::move(config)) {}
ApiClient::~ApiClient() = default;

// Null: cancelled, or the address is unusable.
std::shared_ptr<httplib::Client> ApiClient::Begin() {
  const std::lock_guard lock(mutex_);
  if (cancelled_) return nullptr;
  if (!client_) {
    auto client = std::make_shared<httplib::Client>(ApiAddress(config_));
    if (!client->is_valid()) return nullptr;
    client->set_ca_cert_path(config_.ca_file);
    client->enable_server_certificate_verification(true);
    client->set_connection_timeout(kConnect);
    client->set_write_timeout(kConnect);
    client->set_keep_alive(true);
    client_ = std::move(client);
  }
  asking_ = true;
  return client_;
}

void ApiClient::End(bool failed) {
  {
    const std::lock_guard lock(mutex_);
    asking_ = false;
    if (failed) client_.reset();
  }
  ended_.notify_all();
}

void ApiClient::Cancel() {
  std::unique_lock lock(mutex_);
  cancelled_ = true;
  // What has begun and has no connection yet is not stopped.
  while (asking_) {
    if (client_) client_->stop();
    ended_.wait_for(lock, kStopAgain, [this] { return !asking_; });
  }
}

Answer ApiClient::Ask(const std::string& path, std::chrono::seconds silence, const std::function<void()>& opened,
                      const Receive& receive) {
  Answer answer;
  const auto client = Begin();
  if (!client) {
    answer.error = "the API server's address is not known, or unusable";
    return answer;
  }
  client->set_read_timeout(silence);
  httplib::Headers headers = {{"Accept", "application/json"}, {"User-Agent", "tracelet/" + std::string(cli::kVersion)}};
  if (const std::string token = ReadToken(config_.token_file); !token.empty()) {
    headers.emplace("Authorization", "Bearer " + token);
  }
  const auto began = [&](const httplib::Response& response) {
    answer.status = response.status;
    if (answer.status == 200) opened();
    return true;
  };
  const auto received = [&](const char* data, size_t size) {
    if (answer.status == 200) return receive({data, size});
    answer.body.append(data, std::min(size, kMaxErrorBytes - answer.body.size()));
    return true;
  };
  const auto result = client->Get(path, headers, began, received);
  if (!result) {
    answer.error = httplib::to_string(result.error());
  }
  End(!result);
  return answer;
}

Answer ApiClient::Get(const std::string& path) {
  std::string body;
  Answer answer = Ask(
      path, kAnswer, [] {},
      [&](std::string_view part) {
        if (body.size() + part.size() > kMaxAnswerBytes) return false;
        body.append(part);
        return true;
      });
  if (answer.status == 200) answer.body = std::move(body);
  return answer;
}

Answer ApiClient::Stream(const std::string& path, std::chrono::seconds silence, const std::function<void()>& opened,
                         const std::function<bool(std::string_view)>& line) {
  std::string pending;
  return Ask(path, silence, opened, [&](std::string_view part) {
    while (!part.empty()) {
      const size_t end = part.find('\n');
      const std::string_view piece = part.substr(0, end);
      if (pending.size() + piece.size() > kMaxLineBytes) return false;
      pending.append(piece);
      if (end == std::string_view::npos) return true;
      part.remove_prefix(end + 1);
      if (!line(pending)) return false;
      pending.clear();
      if (pending.capacity() > (64u << 10)) pending.shrink_to_fit();
    }
    return true;
  });
}

}  // namespace tracelet::kubernetes
