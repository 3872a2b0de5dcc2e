// Sends what Jaeger clients send, at a chosen rate: udp_load PORT SPANS_PER_PACKET SPANS_PER_S BURST PACKETS
// Packets of sixteen processes in turns; each span has five tags, every fifth one a log, as jaeger-client writes them.
// Every BURST packets leave together; SPANS_PER_S 0: as fast as the socket takes them. Prints the seconds it took.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

namespace {

constexpr size_t kProcesses = 16;
constexpr size_t kMaxBurst = 64;

// Thrift's compact protocol, with short field headers.
class Compact {
 public:
  void Field(int delta, int type) { Byte(delta << 4 | type); }
  void I64(int delta, int64_t value) {
    Field(delta, 6);
    ZigZag(value);
  }
  void I32(int delta, int64_t value) {
    Field(delta, 5);
    ZigZag(value);
  }
  void Text(int delta, const std::string& value) {
    Field(delta, 8);
    String(value);
  }
  void Structs(int delta, size_t count) {
    Field(delta, 9);
    if (count < 15) return Byte(static_cast<int>(count) << 4 | 12);
    Byte(0xfc);
    Varint(count);
  }
  void Tag(const std::string& key, const std::string& value) {
    Text(1, key);
    I32(1, 0);
    Text(1, value);
    Byte(0);
  }
  void Number(const std::string& key, int64_t value) {
    Text(1, key);
    I32(1, 3);
    I64(4, value);
    Byte(0);
  }
  void String(const std::string& value) {
    Varint(value.size());
    bytes += value;
  }
  void Varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) Byte(static_cast<int>(value | 0x80));
    Byte(static_cast<int>(value));
  }
  void Byte(int value) { bytes.push_back(static_cast<char>(value)); }

  std::string bytes;

 private:
  void ZigZag(int64_t value) { Varint(static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63)); }
};

void AppendSpan(size_t number, int64_t now_us, Compact& out) {
  out.I64(1, 0x1122334455667788 + static_cast<int64_t>(number));
  out.I64(1, 0);
  out.I64(1, 0x0102030405060708 + static_cast<int64_t>(number));
  out.I64(1, 0x0807060504030201);
  out.Text(1, "HTTP GET /api/orders/{id}");
  out.I32(2, 1);
  out.I64(1, now_us);
  out.I64(1, 1'234);
  out.Structs(1, 5);
  out.Tag("span.kind", "server");
  out.Tag("http.method", "GET");
  out.Tag("http.url", "http://orders/api/orders/42");
  out.Number("http.status_code", 200);
  out.Tag("component", "net/http");
  if (number % 5 == 0) {
    out.Structs(1, 1);
    out.I64(1, now_us);
    out.Structs(1, 1);
    out.Tag("event", "cache miss");
    out.Byte(0);
  }
  out.Byte(0);
}

std::string Packet(size_t process, size_t spans) {
  const int64_t now_us = static_cast<int64_t>(time(nullptr)) * 1'000'000;
  Compact out;
  out.bytes = "\x82\x81\x01";
  out.String("emitBatch");
  out.Field(1, 12);
  out.Field(1, 12);
  out.Text(1, "service-" + std::to_string(process));
  out.Structs(1, 3);
  out.Tag("jaeger.version", "Go-2.30.0");
  out.Tag("hostname", "node-1");
  out.Tag("ip", "10.0.0." + std::to_string(process));
  out.Byte(0);
  out.Structs(1, spans);
  for (size_t i = 0; i < spans; ++i) AppendSpan(i, now_us, out);
  out.Byte(0);
  out.Byte(0);
  return out.bytes;
}

int64_t NowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

int Open(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) perror("connect");
  return fd;
}

class Load {
 public:
  Load(uint16_t port, size_t spans_per_packet) : fd_(Open(port)) {
    for (size_t i = 0; i < kProcesses; ++i) packets_.push_back(Packet(i, spans_per_packet));
  }
  [[nodiscard]] size_t packet_bytes() const { return packets_[0].size(); }

  void Send(size_t count) {
    std::array<iovec, kMaxBurst> parts{};
    std::array<mmsghdr, kMaxBurst> headers{};
    for (size_t i = 0; i < count; ++i) {
      std::string& packet = packets_[next_++ % kProcesses];
      parts[i] = {packet.data(), packet.size()};
      headers[i].msg_hdr.msg_iov = &parts[i];
      headers[i].msg_hdr.msg_iovlen = 1;
    }
    for (size_t sent = 0; sent < count;) {
      const int now = sendmmsg(fd_, headers.data() + sent, static_cast<unsigned>(count - sent), 0);
      if (now > 0) sent += static_cast<size_t>(now);
    }
  }

 private:
  int fd_;
  std::vector<std::string> packets_;
  size_t next_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  const auto spans_per_packet = static_cast<size_t>(std::atol(argv[2]));
  const double spans_per_s = std::atof(argv[3]);
  const auto burst = std::min(static_cast<size_t>(std::atol(argv[4])), kMaxBurst);
  const auto packets = static_cast<size_t>(std::atol(argv[5]));
  Load load(static_cast<uint16_t>(std::atoi(argv[1])), spans_per_packet);
  prctl(PR_SET_TIMERSLACK, 1UL);
  const double interval_ns = spans_per_s > 0 ? 1e9 * static_cast<double>(spans_per_packet) / spans_per_s : 0;
  const int64_t begin = NowNs();
  for (size_t sent = 0; sent < packets;) {
    const auto due = begin + static_cast<int64_t>(interval_ns * static_cast<double>(sent));
    if (NowNs() < due) {
      const timespec until{due / 1'000'000'000, due % 1'000'000'000};
      clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
    }
    const size_t count = std::min(burst, packets - sent);
    load.Send(count);
    sent += count;
  }
  std::printf("{\"seconds\": %.6f, \"packet_bytes\": %zu}\n", static_cast<double>(NowNs() - begin) / 1e9,
              load.packet_bytes());
}
