#include "tests/bench/export/paced_requests.h"

#include <string>
#include <string_view>

namespace tracelet::bench {
namespace {

constexpr size_t kConnections = 100;

constexpr std::string_view kRequest =
    "GET /api/orders/4711?expand=items HTTP/1.1\r\nHost: orders.internal:8080\r\nUser-Agent: axios/1.6.2\r\n"
    "Accept: application/json, text/plain, */*\r\nConnection: keep-alive\r\n\r\n";
constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n"
    "Date: Fri, 20 Nov 2026 20:00:00 GMT\r\nConnection: keep-alive\r\n\r\n{}";

}  // namespace

PacedRequests::PacedRequests(source::EventSink& sink) : sink_(sink) {
  testing::Thread& front = scene_.Process(100, "front");
  testing::Thread& back = scene_.Process(200, "back");
  for (size_t i = 0; i < kConnections; ++i) {
    connections_.push_back(scene_.Connect(front, back));
    connections_.back().second->Open();
    connections_.back().first->Open();
  }
  scene_.Begin(sink_);
  DeliverEvents();
}

void PacedRequests::Deliver(uint64_t requests, double seconds) {
  const uint64_t until = scene_.now() + static_cast<uint64_t>(seconds * 1e9);
  for (uint64_t i = 0; i < requests; ++i) {
    auto& [client, server] = connections_[next_++ % kConnections];
    client->Send(kRequest);
    server->Receive(kRequest);
    server->Send(kResponse);
    client->Receive(kResponse);
  }
  if (scene_.now() < until) scene_.Wait(until - scene_.now());
  DeliverEvents();
}

void PacedRequests::DeliverEvents() {
  for (const testing::Event& event : scene_.events) sink_.OnEvent(event.header());
  scene_.events.clear();
  sink_.OnWatermark(scene_.now());
}

}  // namespace tracelet::bench
