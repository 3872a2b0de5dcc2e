#include "agent/ingest/udp_server.h"

#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>

#include "agent/admin/listen_address.h"

namespace tracelet::ingest {
namespace {

constexpr size_t kBatch = 32;  // datagrams per system call
// After a wait, datagrams may gather this long: a wake-up costs more than a datagram.
// The buffer must hold what comes meanwhile: 1 MiB per ms is 450,000 datagrams of 1.2 kB a second.
constexpr std::chrono::milliseconds kMaxGather{10};
constexpr size_t kBufferPerGatherMs = 1u << 20;

// Beyond rmem_max with CAP_NET_ADMIN, else up to it.
void SetReceiveBuffer(int socket, size_t bytes) {
  const int size = static_cast<int>(std::min<size_t>(bytes, INT32_MAX / 2));
  if (setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) == 0) return;
  setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

}  // namespace

// What recvmmsg fills. Only the pages that datagrams reach become memory.
class UdpServer::Buffers {
 public:
  explicit Buffers(size_t max_packet_bytes)
      : size_(max_packet_bytes), bytes_(std::make_unique_for_overwrite<char[]>(kBatch * max_packet_bytes)) {
    for (size_t i = 0; i < kBatch; ++i) {
      parts_[i] = {bytes_.get() + i * size_, size_};
      headers_[i].msg_hdr.msg_iov = &parts_[i];
      headers_[i].msg_hdr.msg_iovlen = 1;
      headers_[i].msg_hdr.msg_name = &senders_[i];
    }
  }

  int Receive(int socket) {
    for (auto& header : headers_) header.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
    return recvmmsg(socket, headers_.data(), kBatch, MSG_DONTWAIT, nullptr);
  }
  [[nodiscard]] Datagram At(size_t i) const {
    return {
        {bytes_.get() + i * size_, headers_[i].msg_len}, (headers_[i].msg_hdr.msg_flags & MSG_TRUNC) != 0, senders_[i]};
  }

 private:
  size_t size_;
  std::unique_ptr<char[]> bytes_;
  std::array<iovec, kBatch> parts_{};
  std::array<mmsghdr, kBatch> headers_{};
  std::array<sockaddr_storage, kBatch> senders_{};
};

Result<std::unique_ptr<UdpServer>> UdpServer::Start(const config::UdpPort& config, DatagramSink& sink) {
  auto socket = admin::Bind(config.listen, SOCK_DGRAM);
  if (!socket) return socket.error();
  UniqueFd stop(eventfd(0, EFD_CLOEXEC));
  if (!stop) return SystemError("eventfd");
  SetReceiveBuffer(socket->get(), config.receive_buffer_bytes);
  std::unique_ptr<UdpServer> server(new UdpServer(std::move(*socket), std::move(stop), sink));
  const std::chrono::milliseconds room(server->receive_buffer_bytes() / kBufferPerGatherMs);
  server->gather_ = std::min(room, kMaxGather);
  for (uint32_t i = 0; i < std::max(config.threads, 1u); ++i) {
    server->threads_.emplace_back([raw = server.get(), size = config.max_packet_bytes] {
      Buffers buffers(size);
      raw->Run(buffers);
    });
  }
  return server;
}

UdpServer::UdpServer(UniqueFd socket, UniqueFd stop, DatagramSink& sink)
    : socket_(std::move(socket)), stop_(std::move(stop)), sink_(sink) {}

UdpServer::~UdpServer() { Stop(); }

void UdpServer::Stop() {
  stopping_.store(true);
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(stop_.get(), &one, sizeof(one));
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void UdpServer::Run(Buffers& buffers) {
  while (Wait()) {
    if (gather_.count() > 0) std::this_thread::sleep_for(gather_);
    while (!stopping_.load(std::memory_order_relaxed) && ReceiveBatch(buffers)) {
    }
  }
  const auto deadline = std::chrono::steady_clock::now() + kMaxDrain;
  while (ReceiveBatch(buffers) && std::chrono::steady_clock::now() < deadline) {
  }
}

// False: it is time to stop.
bool UdpServer::Wait() const {
  std::array<pollfd, 2> waits{{{socket_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
  while (poll(waits.data(), waits.size(), -1) < 0 && errno == EINTR) {
  }
  return waits[1].revents == 0;
}

bool UdpServer::ReceiveBatch(Buffers& buffers) {
  const int count = buffers.Receive(socket_.get());
  if (count < 0) {
    if (errno == EINTR) return true;
    if (errno != EAGAIN) read_errors_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  for (int i = 0; i < count; ++i) sink_.OnDatagram(buffers.At(static_cast<size_t>(i)));
  return count == kBatch;
}

uint16_t UdpServer::port() const {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

size_t UdpServer::receive_buffer_bytes() const {
  int bytes = 0;
  socklen_t size = sizeof(bytes);
  getsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &bytes, &size);
  return static_cast<size_t>(bytes);
}

uint64_t UdpServer::KernelDrops() const {
  std::array<uint32_t, SK_MEMINFO_VARS> memory{};
  socklen_t size = sizeof(memory);
  const std::lock_guard lock(drops_mutex_);
  if (getsockopt(socket_.get(), SOL_SOCKET, SO_MEMINFO, memory.data(), &size) != 0) return drops_;
  drops_ += memory[SK_MEMINFO_DROPS] - last_drops_;
  last_drops_ = memory[SK_MEMINFO_DROPS];
  return drops_;
}

}  // namespace tracelet::ingest
