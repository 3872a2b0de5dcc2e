#include "agent/ingest/sampling_http.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "agent/base/unique_fd.h"

namespace tracelet::ingest {
namespace {

class FakeCollector : public StrategyProvider {
 public:
  Result<Strategy> Get(const std::string& service) override {
    if (service == "unknown") return Error{"rpc error: code = Unavailable desc = away"};
    Strategy strategy;
    if (service == "fast") {
      strategy.type = Strategy::Type::kRateLimiting;
      strategy.max_traces_per_second = 40'000;
    } else {
      strategy.sampling_rate = 0.001;
    }
    return strategy;
  }
};

class SamplingHttpTest : public testing::Test {
 protected:
  void SetUp() override {
    auto started = SamplingHttp::Start(":0", cache_);
    ASSERT_TRUE(started) << started.error().message;
    http_ = std::move(*started);
  }

  // The whole answer to a request, as sent.
  [[nodiscard]] std::string Ask(const std::string& request_line) const {
    const UniqueFd fd(socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(http_->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return "not connected";
    const std::string request = request_line + " HTTP/1.1\r\nHost: agent\r\n\r\n";
    if (write(fd.get(), request.data(), request.size()) != static_cast<ssize_t>(request.size())) return "not sent";
    std::string answer;
    char bytes[4096];
    for (ssize_t count = 0; (count = read(fd.get(), bytes, sizeof(bytes))) > 0;) answer.append(bytes, count);
    return answer;
  }
  static std::string Status(const std::string& answer) { return answer.substr(9, 3); }
  static std::string Body(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }
  [[nodiscard]] std::string Metrics() const {
    std::string text;
    http_->AppendMetrics(text);
    return text;
  }

  FakeCollector collector_;
  StrategyCache cache_{&collector_, nullptr, 10};
  std::unique_ptr<SamplingHttp> http_;
};

TEST_F(SamplingHttpTest, AnswersBothForms) {
  const std::string answer = Ask("GET /sampling?service=x");
  EXPECT_EQ(Status(answer), "200");
  EXPECT_NE(answer.find("\r\nContent-Type: application/json\r\n"), std::string::npos);
  EXPECT_EQ(Body(answer), R"({"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.001}})");
  EXPECT_EQ(Body(Ask("GET /?service=x")), R"({"strategyType":0,"probabilisticSampling":{"samplingRate":0.001}})");
  EXPECT_EQ(Status(Ask("GET /sampling?service=")), "200") << "an empty name is a name";
  EXPECT_NE(Metrics().find("requests_total{type=\"sampling\"} 2\n"), std::string::npos);
  EXPECT_NE(Metrics().find("requests_total{type=\"sampling-legacy\"} 1\n"), std::string::npos);
}

TEST_F(SamplingHttpTest, WantsOneService) {
  for (const char* request : {"GET /sampling", "GET /?service=a&service=b", "GET /baggageRestrictions"}) {
    const std::string answer = Ask(request);
    EXPECT_EQ(Status(answer), "400") << request;
    EXPECT_EQ(Body(answer), "'service' parameter must be provided once\n");
    EXPECT_NE(answer.find("\r\nContent-Type: text/plain; charset=utf-8\r\n"), std::string::npos);
    EXPECT_NE(answer.find("\r\nX-Content-Type-Options: nosniff\r\n"), std::string::npos);
  }
  EXPECT_NE(Metrics().find(R"(errors_total{source="all",status="4xx"} 3)"), std::string::npos);
}

TEST_F(SamplingHttpTest, SaysWhatTheCollectorSaid) {
  const std::string answer = Ask("GET /sampling?service=unknown");
  EXPECT_EQ(Status(answer), "500");
  EXPECT_EQ(Body(answer), "collector error: rpc error: code = Unavailable desc = away\n");
  EXPECT_NE(Metrics().find(R"(collector_proxy_total{endpoint="sampling",protocol="grpc",result="err"} 1)"),
            std::string::npos);
}

TEST_F(SamplingHttpTest, TheOldFormHasSixteenBits) {
  EXPECT_EQ(Status(Ask("GET /sampling?service=fast")), "200");
  const std::string answer = Ask("GET /?service=fast");
  EXPECT_EQ(Status(answer), "500");
  EXPECT_EQ(Body(answer), "cannot marshall to JSON\n");
}

TEST_F(SamplingHttpTest, BaggageWasNeverImplemented) {
  const std::string answer = Ask("GET /baggageRestrictions?service=x");
  EXPECT_EQ(Status(answer), "500");
  EXPECT_EQ(Body(answer), "collector error: baggage not implemented\n");
}

TEST_F(SamplingHttpTest, RefusesOtherMethodsAndPaths) {
  for (const char* request : {"HEAD /sampling?service=x", "POST /sampling?service=x", "PUT /"}) {
    EXPECT_EQ(Status(Ask(request)), "405") << request;
    EXPECT_EQ(Body(Ask(request)), "") << request;
  }
  for (const char* request : {"GET /sampling/?service=x", "GET /other"}) {
    EXPECT_EQ(Status(Ask(request)), "404") << request;
    EXPECT_EQ(Body(Ask(request)), "404 page not found\n") << request;
  }
}

TEST_F(SamplingHttpTest, StopsAndLetsThePortGo) {
  const std::string listen = ":" + std::to_string(http_->port());
  EXPECT_FALSE(SamplingHttp::Start(listen, cache_)) << "a port in use";
  http_->Stop();
  EXPECT_TRUE(SamplingHttp::Start(listen, cache_));
}

}  // namespace
}  // namespace tracelet::ingest
