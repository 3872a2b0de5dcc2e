// A small server that speaks list and watch, with answers that a real one gave.
#pragma once

#include <httplib.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <fstream>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace tracelet::kubernetes {

inline std::string Recorded(const std::string& name) {
  std::ostringstream text;
  text << std::ifstream(std::string(TRACELET_SOURCE_DIR) + "/tests/unit/kubernetes/recorded/" + name).rdbuf();
  return text.str();
}

class ApiServer {
 public:
  struct Question {
    std::string target;
    std::string authorization;
  };

  explicit ApiServer(std::string path = "/api/v1/pods", int port = 0) {
    server_.Get(path,
                [this](const httplib::Request& request, httplib::Response& response) { Answer(request, response); });
    port_ = port == 0 ? server_.bind_to_any_port("127.0.0.1") : (server_.bind_to_port("127.0.0.1", port), port);
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ~ApiServer() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    server_.stop();
    thread_.join();
  }

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string address() const { return "http://127.0.0.1:" + std::to_string(port_); }

  void SetList(std::string list, int status = 200) {
    const std::lock_guard lock(mutex_);
    list_ = std::move(list);
    status_ = status;
  }
  // To whoever watches now or next.
  void Say(std::string lines) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(lines));
    changed_.notify_all();
  }
  // Ends the stream, as a server does when its time is over.
  void EndStream() { Say(""); }

  std::vector<Question> questions() {
    const std::lock_guard lock(mutex_);
    return questions_;
  }

 private:
  void Answer(const httplib::Request& request, httplib::Response& response) {
    const std::lock_guard lock(mutex_);
    questions_.push_back({request.target, request.get_header_value("Authorization")});
    response.status = status_;
    if (status_ != 200 || !request.has_param("watch")) return response.set_content(list_, "application/json");
    response.set_chunked_content_provider(
        "application/json", [this, stream = ++streams_](size_t, httplib::DataSink& sink) {
          std::unique_lock waiting(mutex_);
          changed_.wait_for(waiting, std::chrono::milliseconds(50),
                            [&] { return over_ || stream != streams_ || !lines_.empty(); });
          if (over_ || stream != streams_) return false;
          if (lines_.empty()) return sink.is_writable();
          const std::string lines = std::move(lines_.front());
          lines_.pop_front();
          if (lines.empty()) {
            sink.done();
            return true;
          }
          return sink.write(lines.data(), lines.size());
        });
  }

  httplib::Server server_;
  std::thread thread_;
  int port_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> lines_;
  std::string list_ = "{}";
  int status_ = 200;
  bool over_ = false;
  uint64_t streams_ = 0;  // only the newest is spoken to
  std::vector<Question> questions_;
};

}  // namespace tracelet::kubernetes
