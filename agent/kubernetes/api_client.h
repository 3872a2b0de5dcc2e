// Questions to the API server as this pod's service account: its token is read again for
// every question (the kubelet replaces it within the hour), its CA for every connection.
//
// One thread asks; Cancel() is for any other.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "config/config.h"

namespace httplib {
class Client;
}

namespace tracelet::kubernetes {

struct Answer {
  int status = 0;     // of HTTP; 0: none came
  std::string body;   // of Get, and of whatever is not 200
  std::string error;  // why there is none, or why it was cut off; empty: it is whole
};

class ApiClient {
 public:
  // A list or an event that is longer is refused: a pod is at most 1.5 MiB in etcd, a node has a few hundred.
  static constexpr size_t kMaxAnswerBytes = 64u << 20;
  static constexpr size_t kMaxLineBytes = 4u << 20;

  explicit ApiClient(config::Kubernetes config);
  ~ApiClient();

  Answer Get(const std::string& path);
  // `opened` once the answer begins well, then `line` for each of its lines, until it ends, `silence` passes
  // without a byte, or `line` returns false.
  Answer Stream(const std::string& path, std::chrono::seconds silence, const std::function<void()>& opened,
                const std::function<bool(std::string_view)>& line);
  // Ends the question in flight and every later one.
  void Cancel();

 private:
  using Receive = std::function<bool(std::string_view)>;
  Answer Ask(const std::string& path, std::chrono::seconds silence, const std::function<void()>& opened,
             const Receive& receive);
  std::shared_ptr<httplib::Client> Begin();
  void End(bool failed);

  const config::Kubernetes config_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::shared_ptr<httplib::Client> client_;
  bool asking_ = false;
  bool cancelled_ = false;
};

// Where the API server is: config.api, else what the kubelet says in every pod's environment. Empty: not in a pod.
std::string ApiAddress(const config::Kubernetes& config);

}  // namespace tracelet::kubernetes
