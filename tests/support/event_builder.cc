#include "tests/support/event_builder.h"

#include <algorithm>
#include <cstring>

namespace tracelet::testing {
namespace {

constexpr uint64_t kStep = 100'000;  // 0.1 ms between events

void FillHeader(event_header& header, event_kind kind, const Thread& thread) {
  header.kind = kind;
  header.tgid = thread.process.tgid;
  header.tgid_start_ns = thread.process.start_ns;
  header.tid = thread.tid;
  header.thread_start = thread.tid;
}

void PutAddress(uint8_t (&to)[16], uint8_t last) {
  const uint8_t loopback[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, last};
  std::memcpy(to, loopback, sizeof(loopback));
}

}  // namespace

End::End(Scene& scene, Thread& moved_by, const EndOptions& options)
    : thread(&moved_by), scene_(scene), options_(options) {
  id.sock = options.sock;
  id.inode = options.inode;
  id.tx_base = options.tx_base;
  id.rx_base = options.rx_base;
}

void End::Open() {
  Event event(sizeof(event_open));
  auto& open = event.as<event_open>();
  FillHeader(open.header, EVENT_OPEN, *thread);
  open.conn = id;
  open.role = options_.role;
  open.flags = options_.flags;
  open.accepted_here = options_.accepted ? 1 : 0;
  open.waits = thread->waits;
  if (options_.unix_path.empty()) {
    open.family = 2;
    PutAddress(open.local_address, 1);
    PutAddress(open.remote_address, 1);
    open.local_port = options_.local_port;
    open.remote_port = options_.remote_port;
  } else {
    open.family = 1;
    open.peer_inode = options_.peer_inode;
    options_.unix_path.copy(open.unix_path, sizeof(open.unix_path));
  }
  scene_.Push(std::move(event));
}

void End::BeginConnect() {
  Event event(sizeof(event_connect));
  auto& connect = event.as<event_connect>();
  FillHeader(connect.header, EVENT_CONNECT, *thread);
  connect.conn.sock = id.sock;
  connect.conn.inode = id.inode;
  connect.evidence = thread->Evidence();
  scene_.Push(std::move(event));
}

void End::Data(event_direction direction, std::string_view bytes, size_t captured, uint16_t flags, int error) {
  captured = std::min({captured, bytes.size(), size_t{EVENT_DATA_MAX}});
  Event event(sizeof(event_data) + captured);
  auto& data = event.as<event_data>();
  FillHeader(data.header, EVENT_DATA, *thread);
  data.conn = id;
  data.offset = offset[direction];
  data.length = static_cast<uint32_t>(bytes.size());
  data.captured = static_cast<uint32_t>(captured);
  data.direction = static_cast<uint8_t>(direction);
  data.flags = flags;
  data.error = error;
  data.waits = thread->waits;
  data.attempts = ++thread->attempts;
  data.record = record[direction];
  if (thread->loop) {
    if (direction == DIRECTION_RX && !bytes.empty()) {
      ++thread->turn;
      thread->reason = LOOP_READ;
    }
    data.evidence_type = EVIDENCE_LOOP;
    data.evidence = thread->Evidence();
  }
  if (captured > 0) std::memcpy(data.bytes, bytes.data(), captured);
  offset[direction] += bytes.size();
  scene_.Push(std::move(event));
}

void End::Receive(std::string_view bytes, size_t captured, uint16_t flags) {
  Data(DIRECTION_RX, bytes, captured, flags, 0);
}
void End::Send(std::string_view bytes, size_t captured, uint16_t flags) {
  Data(DIRECTION_TX, bytes, captured, flags, 0);
}
void End::Peek() { Data(DIRECTION_RX, {}, 0, DATA_PEEK, 0); }
void End::EndOfFile() { Data(DIRECTION_RX, {}, 0, DATA_EOF, 0); }
void End::Fail(int error, event_direction direction) { Data(direction, {}, 0, DATA_ERROR, error); }

void End::Close(close_how how, int error) {
  Event event(sizeof(event_close));
  auto& close = event.as<event_close>();
  close.header.kind = EVENT_CLOSE;
  close.conn = id;
  close.tx_end = offset[DIRECTION_TX];
  close.rx_end = offset[DIRECTION_RX];
  close.how = how;
  close.error = error;
  scene_.Push(std::move(event));
}
void End::LocalFin() { Close(CLOSE_LOCAL_FIN, 0); }
void End::Done(int error) { Close(CLOSE_DONE, error); }

Thread& Scene::Process(uint32_t pid, const std::string& service) {
  process::ProcessInfo info;
  info.key = {pid, kStart - 1'000'000 + pid};
  info.comm = service;
  info.exe = "/usr/bin/" + service;
  info.args = {service};
  info.service_name = service;
  processes_.push_back(info);
  return threads_.emplace_back(Thread{.process = info.key, .tid = pid});
}

Thread& Scene::AnotherThread(const Thread& of, uint32_t tid) {
  return threads_.emplace_back(Thread{.process = of.process, .tid = tid});
}

End& Scene::Add(Thread& thread, const EndOptions& options) {
  EndOptions filled = options;
  if (filled.sock == 0) filled.sock = next_sock_ += 0x1000;
  if (filled.inode == 0) filled.inode = next_inode_++;
  return ends_.emplace_back(*this, thread, filled);
}

std::pair<End*, End*> Scene::Connect(Thread& client, Thread& server, uint32_t flags) {
  EndOptions options;
  const uint16_t port = next_port_++;
  options.flags = flags;
  options.tx_base = next_base_ += 0x1000;
  options.rx_base = next_base_ += 0x1000;
  options.local_port = port;
  options.remote_port = 8080;
  if ((flags & CONN_ADOPTED) == 0) options.role = ROLE_CLIENT;
  End& first = Add(client, options);
  std::swap(options.tx_base, options.rx_base);
  std::swap(options.local_port, options.remote_port);
  if ((flags & CONN_ADOPTED) == 0) options.role = ROLE_SERVER;
  options.accepted = (flags & CONN_ADOPTED) == 0;
  return {&first, &Add(server, options)};
}

std::pair<End*, End*> Scene::ConnectUnix(Thread& client, Thread& server, const std::string& path, bool peer_known) {
  EndOptions options;
  options.unix_path = path;
  options.role = ROLE_CLIENT;
  options.inode = next_inode_++;
  const uint32_t server_inode = next_inode_++;
  options.peer_inode = peer_known ? server_inode : 0;
  End& first = Add(client, options);
  options.role = ROLE_SERVER;
  options.peer_inode = options.inode;
  options.inode = server_inode;
  options.accepted = true;
  return {&first, &Add(server, options)};
}

void Scene::Exit(const Thread& thread) {
  Event event(sizeof(event_header));
  FillHeader(event.header(), EVENT_EXIT, thread);
  Push(std::move(event));
}

void Scene::Push(Event event) {
  event.header().time_ns = now_;
  now_ += kStep;
  events.push_back(std::move(event));
}

void Scene::Begin(source::EventSink& sink) const {
  sink.OnClock({kStart, kUnix});
  for (const process::ProcessInfo& info : processes_) sink.OnProcess(info);
}

void Scene::Play(source::EventSink& sink) const {
  constexpr uint64_t kSecond = 1'000'000'000;
  Begin(sink);
  uint64_t watermark = kStart;
  for (const Event& event : events) {
    for (; watermark + kSecond / 10 < event.header().time_ns; watermark += kSecond / 10) sink.OnWatermark(watermark);
    sink.OnEvent(event.header());
  }
  for (uint64_t end = now_ + 5 * kSecond; watermark <= end; watermark += kSecond / 10) sink.OnWatermark(watermark);
}

}  // namespace tracelet::testing
