#include "tests/support/conversation.h"

#include <algorithm>

namespace tracelet::testing {
namespace {

// What the kernel copies of one connection: see bpf/head.h and bpf/report.h.
class Capture {
 public:
  size_t Of(int direction, std::string_view bytes) {
    const bool turned = last_ != direction;
    last_ = direction;
    bool& open = open_[direction];
    open |= turned || MayBegin(bytes);
    if (!open) return 0;
    const size_t blank = std::min(bytes.find("\n\r\n"), bytes.find("\n\n"));
    if (blank == std::string_view::npos) return bytes.size();
    open = false;
    return std::min(bytes.size(), std::max<size_t>(256, (blank + 3 + 7) / 8 * 8));
  }

 private:
  static bool MayBegin(std::string_view bytes) {
    return bytes.size() >= 4 &&
           std::all_of(bytes.begin(), bytes.begin() + 3, [](char c) { return (c >= 'A' && c <= 'Z') || c == '-'; });
  }
  int last_ = -1;
  bool open_[2] = {};
};

class Maker {
 public:
  Maker(const ConversationOptions& options, std::mt19937& random, Conversation& conversation)
      : options_(options), random_(random), conversation_(conversation) {
    Thread& here = conversation.scene.Process(300, "here");
    Thread& there = conversation.scene.Process(400, "there");
    auto [client, server] =
        options.server ? conversation.scene.Connect(there, here) : conversation.scene.Connect(here, there);
    end_ = options.server ? server : client;
    thread_ = &here;
    other_ = &conversation.scene.AnotherThread(here, 301);
    end_->Open();
  }

  void Run() {
    while (conversation_.truth.size() < options_.exchanges) {
      size_t batch = options_.pipelining && Chance(40) ? 2 + Below(3) : 1;
      batch = std::min(batch, options_.exchanges - conversation_.truth.size());
      const size_t first = conversation_.truth.size();
      for (size_t i = 0; i < batch; ++i) Request(first + i);
      for (size_t i = 0; i < batch; ++i) Response(first + i);
    }
    if (options_.skew) Skew();
    for (const Step& step : steps_) {
      const size_t captured = options_.capture_all ? step.bytes.size() : capture_.Of(step.receive ? 0 : 1, step.bytes);
      end_->thread = step.thread;
      step.receive ? end_->Receive(step.bytes, captured) : end_->Send(step.bytes, captured);
    }
  }

 private:
  size_t Below(size_t bound) { return std::uniform_int_distribution<size_t>(0, bound - 1)(random_); }
  bool Chance(size_t percent) { return Below(100) < percent; }

  std::string Body() {
    static const char* const kTraps[] = {"GET /trap HTTP/1.1\r\nHost: x\r\n\r\n",
                                         "HTTP/1.1 599 Trap\r\nContent-Length: 0\r\n\r\n",
                                         "0\r\n\r\n",
                                         "plain",
                                         "\r\n\r\n",
                                         "POST "};
    std::string body;
    for (size_t parts = 1 + Below(8); parts > 0; --parts) body += kTraps[Below(std::size(kTraps))];
    return body;
  }

  // Adds the framing fields and the body to a head without its blank line.
  void AddBody(std::string& message, uint64_t& size) {
    const std::string body = Body();
    size = body.size();
    if (Chance(50)) {
      message += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
      return;
    }
    message += "Transfer-Encoding: chunked\r\n\r\n";
    for (size_t at = 0; at < body.size();) {
      const size_t size_here = 1 + Below(body.size() - at);
      char digits[16];
      std::snprintf(digits, sizeof(digits), "%zx\r\n", size_here);
      message += digits + body.substr(at, size_here) + "\r\n";
      at += size_here;
    }
    message += "0\r\n\r\n";
  }

  void Move(bool request, std::string_view bytes) {
    while (!bytes.empty()) {
      const size_t size = Chance(70) ? bytes.size() : 1 + Below(bytes.size());
      steps_.push_back({request == options_.server, std::string(bytes.substr(0, size)), thread_});
      offset_[request] += size;
      bytes.remove_prefix(size);
    }
  }
  [[nodiscard]] uint64_t Offset(bool request) const { return offset_[request]; }

  void Request(size_t index) {
    Truth truth;
    heads_.push_back(Chance(10));
    std::string message = heads_[index] ? "HEAD" : Chance(50) ? "GET" : "POST";
    const bool body = message == "POST";
    message += " /" + std::to_string(index) + " HTTP/1.1\r\nHost: h\r\n" + Padding();
    if (body) {
      AddBody(message, truth.request_body);
    } else {
      message += "\r\n";
    }
    truth.request_begin = Offset(true);
    Move(true, message);
    truth.request_end = Offset(true);
    conversation_.truth.push_back(truth);
  }

  void Response(size_t index) {
    Truth& truth = conversation_.truth[index];
    if (Chance(10)) Move(false, "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n");
    std::string message = "HTTP/1.1 " + std::to_string(200 + index) + " Fine\r\n" + Padding();
    const bool none = heads_[index] || 200 + index == 204;
    if (none) {
      message += "Content-Length: 7\r\n\r\n";
    } else {
      AddBody(message, truth.response_body);
    }
    truth.response_begin = Offset(false);
    Move(false, message);
    truth.response_end = Offset(false);
  }

  std::string Padding() { return Chance(30) ? "X-Padding: " + std::string(Below(600), 'p') + "\r\n" : ""; }

  // A write whose end was stamped late: behind a read by another thread. A read cannot be
  // late, because what follows from it comes after it.
  void Skew() {
    for (size_t i = 0; i + 1 < steps_.size(); ++i) {
      if (steps_[i].receive || !steps_[i + 1].receive || !Chance(5)) continue;
      std::swap(steps_[i], steps_[i + 1]);
      steps_[i].thread = other_;
      ++i;
    }
  }

  struct Step {
    bool receive;
    std::string bytes;
    Thread* thread;
  };

  const ConversationOptions options_;
  std::mt19937& random_;
  Conversation& conversation_;
  End* end_;
  Thread* thread_;
  Thread* other_;
  std::vector<Step> steps_;
  uint64_t offset_[2] = {};  // by "is a request"
  Capture capture_;
  std::vector<bool> heads_;
};

}  // namespace

void MakeConversation(const ConversationOptions& options, std::mt19937& random, Conversation& conversation) {
  Maker(options, random, conversation).Run();
}

}  // namespace tracelet::testing
