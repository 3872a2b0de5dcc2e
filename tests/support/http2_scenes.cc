#include "tests/support/http2_scenes.h"

#include <algorithm>

#include "agent/protocol/http2/frame.h"
#include "tests/support/http2_frames.h"

namespace tracelet::testing {
namespace {

namespace http2 = protocol::http2;

// Whole frames as the programs report them: of DATA 16 bytes.
template <typename Move>
void InEvents(std::string_view bytes, const Move& move) {
  constexpr size_t kCapturedOfData = 16;
  size_t begin = 0;
  size_t at = bytes.starts_with(http2::kClientPreface) ? http2::kClientPreface.size() : 0;
  while (at < bytes.size()) {
    const http2::Frame frame = http2::ParseFrameHeader(bytes.substr(at, http2::kFrameHeader));
    const size_t wanted = frame.type == http2::kData ? std::min<size_t>(frame.length, kCapturedOfData) : frame.length;
    const size_t captured = at + http2::kFrameHeader + wanted;
    at += http2::kFrameHeader + frame.length;
    if (wanted == frame.length) continue;
    move(bytes.substr(begin, at - begin), captured - begin);
    begin = at;
  }
  if (begin < bytes.size()) move(bytes.substr(begin), bytes.size() - begin);
}

// Both ends of one connection.
struct Http2Pair {
  Http2Pair(Scene& scene, uint32_t flags = 0) {
    Thread& front = scene.Process(100, "front");
    Thread& back = scene.Process(200, "back");
    std::tie(client, server) = scene.Connect(front, back, flags);
    server->Open();
    client->Open();
  }
  void Up(std::string_view bytes) {
    InEvents(bytes, [&](std::string_view part, size_t captured) { client->Send(part, captured, DATA_FRAME); });
    InEvents(bytes, [&](std::string_view part, size_t captured) { server->Receive(part, captured, DATA_FRAME); });
  }
  void Down(std::string_view bytes) {
    InEvents(bytes, [&](std::string_view part, size_t captured) { server->Send(part, captured, DATA_FRAME); });
    InEvents(bytes, [&](std::string_view part, size_t captured) { client->Receive(part, captured, DATA_FRAME); });
  }

  End* client = nullptr;
  End* server = nullptr;
  Http2Encoder up;
  Http2Encoder down;
};

const Fields kOk = {{":status", "200"}, {"content-type", "application/grpc"}};
const Fields kTrailersOk = {{"grpc-status", "0"}};

}  // namespace

void GrpcCalls(Scene& scene) {
  Http2Pair pair(scene);
  pair.Down(Http2Settings(3, 100));  // Go's server speaks first
  pair.Up(std::string(http2::kClientPreface) + Http2Settings(4, 65'535));
  pair.Up(pair.up.Headers(1, CallFields("/shop.Orders/Get?secret")) +
          Http2Frame(http2::kData, http2::kEndStream, 1, GrpcMessage(100)));
  pair.Up(pair.up.Headers(3, CallFields("/shop.Orders/Watch")) +
          Http2Frame(http2::kData, http2::kEndStream, 3, GrpcMessage(4)));
  pair.Up(pair.up.Headers(5, CallFields("/shop.Orders/Slow")));
  pair.Down(pair.down.Headers(3, kOk) + Http2Frame(http2::kData, 0, 3, GrpcMessage(2000)));
  pair.Down(
      pair.down.Headers(1, {{":status", "200"}, {"content-type", "application/grpc"}, {"grpc-status", "5"}}, true));
  pair.Up(Http2Reset(5, 8));
  pair.Down(Http2Frame(http2::kData, 0, 3, GrpcMessage(0)) + Http2Frame(http2::kData, 0, 3, GrpcMessage(7)));
  pair.Down(pair.down.Headers(3, kTrailersOk, true));
}

void Http2Upgrade(Scene& scene) {
  Http2Pair pair(scene);
  const std::string_view get =
      "GET /first HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
      "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
  const std::string_view switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
  pair.client->Send(get);
  pair.server->Receive(get);
  pair.server->Send(switching);
  pair.client->Receive(switching);
  pair.Up(std::string(http2::kClientPreface) + Http2Settings(3, 100));
  pair.Down(Http2Settings(3, 100) + pair.down.Headers(1, {{":status", "204"}}, true));
  pair.Up(pair.up.Headers(3, GetFields("/second"), true));
  pair.Down(pair.down.Headers(3, {{":status", "404"}}, true));
}

void Http2Adopted(Scene& scene) {
  Http2Pair pair(scene, CONN_ADOPTED);
  const Fields call = CallFields("/shop.Orders/Get");
  pair.up.Headers(1, call);
  pair.down.Headers(1, kOk);
  for (uint32_t id : {3U, 5U}) {
    pair.Up(pair.up.Headers(id, call, true));
    pair.Down(pair.down.Headers(id, kOk) + pair.down.Headers(id, kTrailersOk, true));
  }
}

}  // namespace tracelet::testing
