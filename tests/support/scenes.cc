#include "tests/support/scenes.h"

#include <cerrno>

#include "tests/support/http2_scenes.h"

namespace tracelet::testing {
namespace {

constexpr std::string_view kGet =
    "GET /orders/4711?token=secret HTTP/1.1\r\nHost: shop:8080\r\nUser-Agent: hand/1\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

struct Pair {
  Thread& front;
  Thread& back;
};
Pair TwoProcesses(Scene& scene) { return {scene.Process(100, "front"), scene.Process(200, "back")}; }

// The answer's last bytes and the FIN arrive in one read; only the next read says so.
void FinWithData(Scene& scene) {
  auto [front, back] = TwoProcesses(scene);
  auto [client, server] = scene.Connect(front, back);
  server->Open();
  client->Open();
  client->Send("GET /report HTTP/1.0\r\n\r\n");
  server->Receive("GET /report HTTP/1.0\r\n\r\n");
  server->Send("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nfirst");
  server->Send(" and last", 0);
  server->LocalFin();
  client->Receive("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nfirst and last");
  client->EndOfFile();
  client->LocalFin();
  server->Done();
  client->Done();
}

// The server looks at the first bytes before it reads them.
void Peek(Scene& scene) {
  auto [front, back] = TwoProcesses(scene);
  auto [client, server] = scene.Connect(front, back);
  server->Open();
  client->Open();
  client->Send(kGet);
  server->Peek();
  server->Peek();
  server->Receive(kGet);
  server->Send(kOk);
  client->Peek();
  client->Receive(kOk);
}

// First a reset in the middle of the answer; then one behind an answer that is still read.
void Reset(Scene& scene) {
  auto [front, back] = TwoProcesses(scene);
  auto [client, server] = scene.Connect(front, back);
  server->Open();
  client->Open();
  client->Send(kGet);
  server->Receive(kGet);
  server->Send(kOk.substr(0, 40));
  client->Receive(kOk.substr(0, 40));
  server->Done();
  client->Done(ECONNRESET);
  client->Fail(ECONNRESET);

  auto [second, other] = scene.Connect(front, back);
  other->Open();
  second->Open();
  second->Send(kGet);
  other->Receive(kGet);
  other->Send(kOk);
  other->Done();
  second->Done(ECONNRESET);
  scene.Wait(200'000'000);
  second->Receive(kOk);
}

// Go's server reads the first byte of the next request on another thread.
void OneByteHead(Scene& scene) {
  auto [front, back] = TwoProcesses(scene);
  Thread& background = scene.AnotherThread(back, 201);
  auto [client, server] = scene.Connect(front, back);
  server->Open();
  client->Open();
  Exchange(*client, *server, kGet, kOk);
  client->Send(kGet);
  server->thread = &background;
  server->Receive(kGet.substr(0, 1));
  server->thread = &back;
  server->Receive(kGet.substr(1));
  server->Send(kOk);
  for (char c : kOk) client->Receive(std::string_view(&c, 1));
}

void Pipelining(Scene& scene) {
  auto [front, back] = TwoProcesses(scene);
  auto [client, server] = scene.Connect(front, back);
  server->Open();
  client->Open();
  const std::string three =
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
      "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n";
  client->Send(three);
  server->Receive(three);
  server->Send("HTTP/1.1 201 A\r\nContent-Length: 0\r\n\r\n");
  server->Send("HTTP/1.1 202 B\r\nContent-Length: 0\r\n\r\nHTTP/1.1 203 C\r\nContent-Length: 2\r\n\r\nxy");
  client->Receive("HTTP/1.1 201 A\r\nContent-Length: 0\r\n\r\nHTTP/1.1 202 B\r\nContent-Le");
  client->Receive("ngth: 0\r\n\r\nHTTP/1.1 203 C\r\nContent-Length: 2\r\n\r\nxy");
}

// The server's read of the second request is lost, then the client's read of the fourth answer.
void LostRecord(Scene& scene) {
  auto [front, back] = TwoProcesses(scene);
  auto [client, server] = scene.Connect(front, back);
  server->Open();
  client->Open();
  Exchange(*client, *server, "GET /1 HTTP/1.1\r\n\r\n", kOk);
  client->Send("GET /2 HTTP/1.1\r\n\r\n");
  server->Receive("GET /2 HTTP/1.1\r\n\r\n");
  scene.LoseLast();
  server->Send("HTTP/1.1 500 Second\r\nContent-Length: 0\r\n\r\n");
  client->Receive("HTTP/1.1 500 Second\r\nContent-Length: 0\r\n\r\n");
  Exchange(*client, *server, "GET /3 HTTP/1.1\r\n\r\n", kOk);
  client->Send("GET /4 HTTP/1.1\r\n\r\n");
  server->Receive("GET /4 HTTP/1.1\r\n\r\n");
  server->Send("HTTP/1.1 404 Fourth\r\nContent-Length: 0\r\n\r\n");
  client->Receive("HTTP/1.1 404 Fourth\r\nContent-Length: 0\r\n\r\n");
  scene.LoseLast();
  Exchange(*client, *server, "GET /5 HTTP/1.1\r\n\r\n", kOk);
  Exchange(*client, *server, "GET /6 HTTP/1.1\r\n\r\n", kOk);
}

// Two connections older than the agent: one whose sequence numbers were read whole, where
// the client counts its SYN, and one where they were not.
void TornBase(Scene& scene) {
  auto [front, back] = TwoProcesses(scene);
  auto [client, server] = scene.Connect(front, back, CONN_ADOPTED);
  client->id.tx_base -= 1;
  client->offset[DIRECTION_TX] = 501;
  server->offset[DIRECTION_RX] = 500;
  client->offset[DIRECTION_RX] = server->offset[DIRECTION_TX] = 900;
  server->Open();
  client->Open();
  Exchange(*client, *server, kGet, kOk);

  auto [torn, other] = scene.Connect(front, back, CONN_ADOPTED | CONN_TORN_BASE);
  other->Open();
  torn->Open();
  Exchange(*torn, *other, kGet, kOk);
}

// A connection is closed without a trace and its socket address used again.
void Reuse(Scene& scene) {
  auto [front, back] = TwoProcesses(scene);
  auto [client, server] = scene.Connect(front, back);
  server->Open();
  client->Open();
  client->Send(kGet);
  server->Receive(kGet);
  EndOptions options;
  options.role = ROLE_CLIENT;
  options.sock = client->id.sock;
  options.tx_base = 0x42000000;
  options.rx_base = 0x43000000;
  options.local_port = 50001;
  options.remote_port = 8080;
  End& again = scene.Add(front, options);
  again.Open();
  again.Send("GET /again HTTP/1.1\r\n\r\n");
  again.Receive(kOk);
  client->Receive(kOk);  // of a connection that cannot be any more
}

// The client writes before the server has accepted; the server's close is only seen by the client.
void UnixSocket(Scene& scene) {
  auto [front, back] = TwoProcesses(scene);
  auto [client, server] = scene.ConnectUnix(front, back, "/run/back.sock", false);
  client->Open();
  client->Send(kGet);
  server->Open();
  server->Receive(kGet);
  server->Send("HTTP/1.0 200 OK\r\n\r\nuntil the close");
  client->Receive("HTTP/1.0 200 OK\r\n\r\nuntil the close");
  client->EndOfFile();

  auto [second, other] = scene.ConnectUnix(front, back, "/run/back.sock");
  second->Open();
  other->Open();
  second->Send(kGet);
  other->Receive(kGet);
  scene.Exit(back);
  second->EndOfFile();
}

// Two threads of the client write at once: what the programs believe of the offsets is wrong.
void TwoWriters(Scene& scene) {
  auto [front, back] = TwoProcesses(scene);
  Thread& other_thread = scene.AnotherThread(front, 101);
  auto [client, server] = scene.Connect(front, back);
  server->Open();
  client->Open();
  Exchange(*client, *server, kGet, kOk);
  const std::string_view first = "GET /first HTTP/1.1\r\n\r\n";
  const std::string_view second = "GET /the-other HTTP/1.1\r\n\r\n";
  const uint64_t next = client->offset[DIRECTION_TX];
  client->offset[DIRECTION_TX] = next + second.size();  // write_seq less its own length, seen after both
  client->Send(first, std::string_view::npos, DATA_GAP_BEFORE);
  client->thread = &other_thread;
  client->offset[DIRECTION_TX] = next + first.size();
  client->Send(second, std::string_view::npos, DATA_GAP_BEFORE);
  client->thread = &front;
  client->offset[DIRECTION_TX] = next + first.size() + second.size();
  server->Receive(std::string(first) + std::string(second));
  server->Send("HTTP/1.1 201 A\r\nContent-Length: 0\r\n\r\nHTTP/1.1 202 B\r\nContent-Length: 0\r\n\r\n");
  client->Receive("HTTP/1.1 201 A\r\nContent-Length: 0\r\n\r\nHTTP/1.1 202 B\r\nContent-Length: 0\r\n\r\n");
  for (int i = 0; i < 3; ++i) Exchange(*client, *server, kGet, kOk);
}

// A loop that serves two requests at once, with what looks like the loop rule's own case and is
// not: an answer that sets free what another request had queued, the same on the connection that was
// answered, and a timer after another request's read.
void EventLoop(Scene& scene) {
  Pair processes = TwoProcesses(scene);
  Thread& user = processes.front;
  Thread& loop = processes.back;
  loop.loop = true;
  const auto ask = [&](const char* path) {
    auto [client, server] = scene.Connect(user, loop);
    server->Open();
    client->Open();
    const std::string request = "GET " + std::string(path) + " HTTP/1.1\r\n\r\n";
    client->Send(request);
    server->Receive(request);
    return server;
  };
  const auto connected = [&](End* call, const char* path) {  // later, when the loop hears of it
    loop.reason = LOOP_CONNECTED;
    call->Open();
    call->Send("GET /call" + std::string(path) + " HTTP/1.1\r\n\r\n");
  };
  End* first = ask("/first");
  End* call = scene.Connect(loop, user).first;
  call->BeginConnect();
  End* second = ask("/second");
  End* other_call = scene.Connect(loop, user).first;
  other_call->BeginConnect();
  connected(call, "/first");  // right, though /second was read last
  connected(other_call, "/second");
  call->Receive(kOk);
  call->Send("GET /call/second/waited-for-this-connection HTTP/1.1\r\n\r\n");
  other_call->Receive(kOk);
  End* queued = scene.Connect(loop, user).first;
  queued->BeginConnect();
  connected(queued, "/first/was-queued");
  End* third = ask("/third");
  loop.reason = LOOP_TIMER;
  End* timed = scene.Connect(loop, user).first;
  timed->BeginConnect();
  connected(timed, "/first/by-timer");
  for (End* end : {call, queued, timed}) end->Receive(kOk);
  for (End* server : {first, second, third}) server->Send(kOk);
}

}  // namespace

void Exchange(End& client, End& server, std::string_view request, std::string_view response) {
  client.Send(request);
  server.Receive(request);
  server.Send(response);
  client.Receive(response);
}

const std::vector<NamedScene>& Scenes() {
  static const std::vector<NamedScene> kScenes = {
      {"fin_with_data", FinWithData},
      {"peek", Peek},
      {"reset", Reset},
      {"one_byte_head", OneByteHead},
      {"pipelining", Pipelining},
      {"lost_record", LostRecord},
      {"torn_base", TornBase},
      {"fd_reuse", Reuse},
      {"unix_socket", UnixSocket},
      {"two_writers", TwoWriters},
      {"event_loop", EventLoop},
      {"grpc_calls", GrpcCalls},
      {"http2_upgrade", Http2Upgrade},
      {"http2_adopted", Http2Adopted},
  };
  return kScenes;
}

}  // namespace tracelet::testing
