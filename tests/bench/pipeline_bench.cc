// What user space pays per request: events of keep-alive requests, both ends, heads
// only, through the pipeline and the JSON printer. Also: build/release/tests/benchmarks
// --benchmark_filter=... ; instructions with `perf stat` or valgrind: perf stat or valgrind --tool=callgrind.
#include <benchmark/benchmark.h>

#include "agent/pipeline/pipeline.h"
#include "agent/protocol/http1/head.h"
#include "exporter/json/json_lines.h"
#include "tests/support/event_builder.h"

namespace tracelet {
namespace {

constexpr std::string_view kRequest =
    "GET /api/orders/4711?expand=items&token=abcdef HTTP/1.1\r\nHost: orders.internal:8080\r\n"
    "User-Agent: axios/1.6.2\r\nAccept: application/json, text/plain, */*\r\nAccept-Encoding: gzip, compress, deflate, "
    "br\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef\r\nConnection: keep-alive\r\n\r\n";
constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\nX-Powered-By: Express\r\nContent-Type: application/json; charset=utf-8\r\n"
    "Content-Length: 1024\r\nETag: W/\"400-abcdefghijklmnopqrstuvwxyz\"\r\nDate: Fri, 20 Nov 2026 20:00:00 GMT\r\n"
    "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n";

class Printer : public span::SpanSink {
 public:
  void OnSpan(std::shared_ptr<const span::Span> span) override {
    line_.Clear();
    exporter::AppendJsonLine(*span, R"("process.pid":1)", line_);
    benchmark::DoNotOptimize(line_.view().data());
    ++spans;
  }
  void OnWatermark(uint64_t) override {}
  uint64_t spans = 0;

 private:
  exporter::TextBlock line_;
};

// `requests` on one connection; head and body in two writes and two reads: six events each.
void Fill(testing::Scene& scene, size_t requests) {
  testing::Thread& front = scene.Process(100, "front");
  testing::Thread& back = scene.Process(200, "back");
  auto [client, server] = scene.Connect(front, back);
  server->Open();
  client->Open();
  const std::string body(1024, 'x');
  for (size_t i = 0; i < requests; ++i) {
    client->Send(kRequest);
    server->Receive(kRequest);
    server->Send(kResponse);
    server->Send(body, 0);
    client->Receive(kResponse);
    client->Receive(body, 0);
  }
}

// Per iteration: 1000 requests, 2000 spans printed.
void BM_Pipeline(benchmark::State& state) {
  constexpr size_t kRequests = 1000;
  testing::Scene scene;
  Fill(scene, kRequests);
  uint64_t spans = 0;
  for (auto _ : state) {
    Printer printer;
    pipeline::Pipeline pipeline(config::Config{}, printer, {});
    scene.Play(pipeline);
    pipeline.Finish();
    spans += printer.spans;
  }
  if (spans != state.iterations() * kRequests * 2) state.SkipWithError("spans are missing");
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kRequests));
}
BENCHMARK(BM_Pipeline);

void BM_ParseRequestHead(benchmark::State& state) {
  std::string scratch;
  for (auto _ : state) {
    benchmark::DoNotOptimize(protocol::http1::ParseRequestHead(kRequest, false, scratch));
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kRequest.size()));
}
BENCHMARK(BM_ParseRequestHead);

void BM_HeadLength(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(protocol::http1::HeadLength(kResponse));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kResponse.size()));
}
BENCHMARK(BM_HeadLength);

}  // namespace
}  // namespace tracelet
