#include "exporter/http/http_sender.h"

#include <gtest/gtest.h>
#include <httplib.h>
#include <zlib.h>

#include <atomic>
#include <thread>

#include "exporter/http/gzip.h"

namespace tracelet::exporter {
namespace {

using std::chrono::milliseconds;
using Clock = Sender::Clock;

class Receiver {
 public:
  explicit Receiver(const std::string& path = "/v1/traces") {
    server_.Post(path, [this](const httplib::Request& request, httplib::Response& response) {
      ++calls;
      last = request;
      std::this_thread::sleep_for(milliseconds(delay_ms));
      response.status = status;
      for (const auto& [name, value] : headers) response.set_header(name, value);
      response.body = answer;
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::sleep_for(milliseconds(1));
  }
  ~Receiver() {
    server_.stop();
    thread_.join();
  }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  std::atomic<int> calls{0};
  std::atomic<int> status{200};
  std::atomic<int> delay_ms{0};
  std::map<std::string, std::string> headers;
  std::string answer;
  httplib::Request last;

 private:
  httplib::Server server_;
  std::thread thread_;
  int port_ = 0;
};

std::unique_ptr<HttpSender> Make(const std::vector<std::string>& urls, bool gzip = false) {
  std::vector<HttpOptions> endpoints;
  for (const auto& url : urls) {
    endpoints.push_back({url, "/v1/traces", "application/x-protobuf", gzip, {{"x-tenant", "t1"}}, {}});
  }
  return std::make_unique<HttpSender>(std::move(endpoints), [](const std::string& body, std::string& reason) {
    reason = body;
    return body.size();
  });
}

Payload Spans(const std::string& bytes) { return {std::make_shared<const std::string>(bytes), 1}; }
Clock::time_point In(int ms) { return Clock::now() + milliseconds(ms); }

std::string Gunzip(const std::string& bytes) {
  z_stream stream{};
  inflateInit2(&stream, 15 + 16);
  std::string text(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  text.resize(stream.total_out);
  inflateEnd(&stream);
  return text;
}

TEST(HttpSender, PostsProtobufWithHeaders) {
  Receiver receiver;
  auto sender = Make({receiver.url()});
  const SendResult result = sender->Send(Spans("abc"), In(2'000));
  EXPECT_EQ(result.status, SendStatus::kDelivered) << result.reason;
  EXPECT_EQ(receiver.last.body, "abc");
  EXPECT_EQ(receiver.last.get_header_value("Content-Type"), "application/x-protobuf");
  EXPECT_EQ(receiver.last.get_header_value("x-tenant"), "t1");
  receiver.answer = "why";
  EXPECT_EQ(sender->Send(Spans("d"), In(2'000)).rejected, 3u);
}

TEST(HttpSender, GzipIsUnderstoodByZlib) {
  const std::string body(100'000, 'x');
  EXPECT_LT(Gzip(body).size(), 1'000u);
  EXPECT_EQ(Gunzip(Gzip(body)), body);
  EXPECT_EQ(Gunzip(Gzip("")), "");
  Receiver receiver;
  EXPECT_EQ(Make({receiver.url()}, true)->Send(Spans(body), In(2'000)).status, SendStatus::kDelivered);
  EXPECT_EQ(receiver.last.get_header_value("Content-Encoding"), "gzip");
  EXPECT_EQ(receiver.last.body, body);  // the server library has unpacked it
}

TEST(HttpSender, KnowsWhichStatusesAreWorthAnotherTry) {
  Receiver receiver;
  auto sender = Make({receiver.url()});
  for (const int status : {429, 502, 503, 504}) {
    receiver.status = status;
    EXPECT_EQ(sender->Send(Spans("x"), In(2'000)).status, SendStatus::kRetry) << status;
  }
  for (const int status : {301, 400, 401, 403, 404, 413, 500, 501}) {
    receiver.status = status;
    EXPECT_EQ(sender->Send(Spans("x"), In(2'000)).status, SendStatus::kRejected) << status;
  }
  receiver.status = 503;
  receiver.headers = {{"Retry-After", "7"}};
  EXPECT_EQ(sender->Send(Spans("x"), In(2'000)).retry_after, milliseconds(7'000));
}

TEST(HttpSender, AnswersInTimeWhenTheReceiverDoesNotOrIsDown) {
  Receiver receiver;
  receiver.delay_ms = 600;
  auto sender = Make({receiver.url()});
  const auto begin = Clock::now();
  EXPECT_EQ(sender->Send(Spans("x"), In(100)).status, SendStatus::kRetry);
  EXPECT_LT(Clock::now() - begin, milliseconds(500));
  EXPECT_EQ(Make({"http://127.0.0.1:1"})->Send(Spans("x"), In(500)).status, SendStatus::kRetry);
}

TEST(HttpSender, PassesByAReceiverThatIsDown) {
  Receiver receiver("/other");
  auto sender = Make({"http://127.0.0.1:1", receiver.url() + "/other"});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(sender->Send(Spans("x"), In(2'000)).status, SendStatus::kDelivered);
  EXPECT_EQ(receiver.calls, 4);
}

TEST(HttpSender, CancelEndsACallInFlight) {
  Receiver receiver;
  receiver.delay_ms = 1'000;
  auto sender = Make({receiver.url()});
  std::thread canceller([&] {
    while (receiver.calls == 0) std::this_thread::sleep_for(milliseconds(1));
    sender->Cancel();
  });
  const auto begin = Clock::now();
  EXPECT_EQ(sender->Send(Spans("x"), In(60'000)).status, SendStatus::kRetry);
  EXPECT_LT(Clock::now() - begin, milliseconds(900));
  EXPECT_EQ(sender->Send(Spans("x"), In(60'000)).status, SendStatus::kRetry);
  canceller.join();
}

TEST(HttpSender, ReadsEndpoints) {
  const auto address = [](const std::string& endpoint) {
    const auto parsed = ParseHttpEndpoint(endpoint, "/v1/traces");
    return parsed ? parsed->origin + " " + parsed->path : parsed.error().message;
  };
  EXPECT_EQ(address("http://host:4318"), "http://host:4318 /v1/traces");
  EXPECT_EQ(address("https://host/"), "https://host /v1/traces");
  EXPECT_EQ(address("http://[::1]:4318/otlp"), "http://[::1]:4318 /otlp");
  EXPECT_EQ(address("host:4318"), "\"host:4318\" does not begin with http:// or https://");
  EXPECT_EQ(address("http://"), "\"http://\" names no host");
  EXPECT_EQ(address("http:///x"), "\"http:///x\" names no host");
}

TEST(HttpSender, ReadsRetryAfter) {
  EXPECT_EQ(ParseRetryAfter("12", 0), milliseconds(12'000));
  EXPECT_EQ(ParseRetryAfter("-1", 0), milliseconds(0));
  EXPECT_EQ(ParseRetryAfter("Thu, 01 Jan 1970 00:01:00 GMT", 30), milliseconds(30'000));
  EXPECT_EQ(ParseRetryAfter("Thu, 01 Jan 1970 00:01:00 GMT", 90), milliseconds(0));
  EXPECT_EQ(ParseRetryAfter("soon", 0), std::nullopt);
  EXPECT_EQ(ParseRetryAfter("99999999999999999999", 0), std::nullopt);
}

}  // namespace
}  // namespace tracelet::exporter
