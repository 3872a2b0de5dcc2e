#include "agent/ingest/sampling_http.h"

#include <httplib.h>

#include <thread>

#include "agent/admin/http_listen.h"
#include "agent/admin/metrics_text.h"

namespace tracelet::ingest {
namespace {

struct HttpCounters {
  std::atomic<uint64_t> sampling{0};
  std::atomic<uint64_t> legacy{0};
  std::atomic<uint64_t> bad_request{0};
  std::atomic<uint64_t> collector_failed{0};
  std::atomic<uint64_t> thrift_failed{0};
  std::atomic<uint64_t> baggage_failed{0};
};

// As Go's http.Error.
void Fail(httplib::Response& response, int status, const std::string& text) {
  response.status = status;
  response.set_header("X-Content-Type-Options", "nosniff");
  response.set_content(text + "\n", "text/plain; charset=utf-8");
}

bool IsEndpoint(const std::string& path) {
  return path == "/" || path == "/sampling" || path == "/baggageRestrictions";
}

}  // namespace

struct SamplingHttp::Impl {
  explicit Impl(StrategyCache& cache) : strategies(cache) {}

  // The service asked for; false: the answer is given.
  bool Service(const httplib::Request& request, httplib::Response& response, std::string& service);
  void Sampling(const httplib::Request& request, httplib::Response& response, bool legacy);
  void Baggage(const httplib::Request& request, httplib::Response& response);
  void Route();

  StrategyCache& strategies;
  HttpCounters counters;
  httplib::Server server;
  std::thread thread;
  int port = 0;
};

bool SamplingHttp::Impl::Service(const httplib::Request& request, httplib::Response& response, std::string& service) {
  if (request.get_param_value_count("service") == 1) {
    service = request.get_param_value("service");
    return true;
  }
  ++counters.bad_request;
  Fail(response, 400, "'service' parameter must be provided once");
  return false;
}

void SamplingHttp::Impl::Sampling(const httplib::Request& request, httplib::Response& response, bool legacy) {
  std::string service;
  if (!Service(request, response, service)) return;
  const auto strategy = strategies.Get(service);
  if (!strategy) {
    ++counters.collector_failed;
    return Fail(response, 500, "collector error: " + strategy.error().message);
  }
  const auto body = legacy ? ToLegacyJson(*strategy) : ToJson(*strategy);
  if (!body) {
    ++counters.thrift_failed;
    return Fail(response, 500, "cannot marshall to JSON");
  }
  ++(legacy ? counters.legacy : counters.sampling);
  response.set_content(*body, "application/json");
}

void SamplingHttp::Impl::Baggage(const httplib::Request& request, httplib::Response& response) {
  std::string service;
  if (!Service(request, response, service)) return;
  ++counters.baggage_failed;
  Fail(response, 500, "collector error: baggage not implemented");
}

void SamplingHttp::Impl::Route() {
  using httplib::Request;
  using httplib::Response;
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server.set_read_timeout(kReadTimeoutSeconds);
  server.set_keep_alive_max_count(1);  // an idle client would keep a thread
  server.set_pre_routing_handler([](const Request& request, Response& response) {
    if (!IsEndpoint(request.path)) {
      Fail(response, 404, "404 page not found");
      return httplib::Server::HandlerResponse::Handled;
    }
    if (request.method == "GET") return httplib::Server::HandlerResponse::Unhandled;
    response.status = 405;
    return httplib::Server::HandlerResponse::Handled;
  });
  server.Get("/sampling", [this](const Request& request, Response& response) { Sampling(request, response, false); });
  server.Get("/", [this](const Request& request, Response& response) { Sampling(request, response, true); });
  server.Get("/baggageRestrictions",
             [this](const Request& request, Response& response) { Baggage(request, response); });
}

Result<std::unique_ptr<SamplingHttp>> SamplingHttp::Start(const std::string& listen, StrategyCache& strategies) {
  auto impl = std::make_unique<Impl>(strategies);
  impl->Route();
  const auto port = admin::ListenHttp(impl->server, listen);
  if (!port) return port.error();
  impl->port = *port;
  impl->thread = std::thread([raw = impl.get()] { raw->server.listen_after_bind(); });
  // Before that stop() would do nothing.
  while (!impl->server.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return std::unique_ptr<SamplingHttp>(new SamplingHttp(std::move(impl)));
}

SamplingHttp::SamplingHttp(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

SamplingHttp::~SamplingHttp() { Stop(); }

void SamplingHttp::Stop() {
  if (!impl_->thread.joinable()) return;
  impl_->server.stop();
  impl_->thread.join();
}

uint16_t SamplingHttp::port() const { return static_cast<uint16_t>(impl_->port); }

void SamplingHttp::AppendMetrics(std::string& out) const {
  admin::MetricsText text(out);
  const HttpCounters& counters = impl_->counters;
  text.Counter("jaeger_agent_http_server_requests_total", "Answered requests");
  text.Sample("type=\"baggage\"", 0);
  text.Sample("type=\"sampling\"", counters.sampling);
  text.Sample("type=\"sampling-legacy\"", counters.legacy);
  text.Counter("jaeger_agent_http_server_errors_total", "Requests without an answer");
  text.Sample(R"(source="all",status="4xx")", counters.bad_request);
  text.Sample(R"(source="collector-proxy",status="5xx")", counters.collector_failed + counters.baggage_failed);
  text.Sample(R"(source="proto",status="5xx")", 0);
  text.Sample(R"(source="thrift",status="5xx")", counters.thrift_failed);
  text.Sample(R"(source="write",status="5xx")", 0);
  const SamplingCounters& sampling = impl_->strategies.counters();
  text.Counter("jaeger_agent_collector_proxy_total", "Questions to the collector");
  text.Sample(R"(endpoint="baggage",protocol="grpc",result="err")", counters.baggage_failed);
  text.Sample(R"(endpoint="baggage",protocol="grpc",result="ok")", 0);
  text.Sample(R"(endpoint="sampling",protocol="grpc",result="err")", sampling.collector_failed);
  text.Sample(R"(endpoint="sampling",protocol="grpc",result="ok")", sampling.collector_ok);
  text.Counter("tracelet_sampling_answers_without_collector_total", "Strategies from memory or file");
  text.Sample("source=\"memory\"", sampling.from_memory);
  text.Sample("source=\"file\"", sampling.from_file);
}

}  // namespace tracelet::ingest
