#include "agent/ingest/udp_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <condition_variable>

namespace tracelet::ingest {
namespace {

using namespace std::chrono_literals;

class Sender {
 public:
  explicit Sender(uint16_t port) : socket_(socket(AF_INET, SOCK_DGRAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  void Send(const std::string& bytes) const {
    EXPECT_EQ(send(socket_.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }

 private:
  UniqueFd socket_;
};

// Keeps what came; can be held back, so that datagrams wait in the kernel.
class Keeper : public DatagramSink {
 public:
  void OnDatagram(const Datagram& datagram) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !held_; });
    datagrams_.emplace_back(datagram.bytes);
    cut_.push_back(datagram.cut);
    changed_.notify_all();
  }
  void Hold(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  std::vector<std::string> Wait(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 10s, [&] { return datagrams_.size() >= count; });
    return datagrams_;
  }
  [[nodiscard]] const std::vector<bool>& cut() const { return cut_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  std::vector<std::string> datagrams_;
  std::vector<bool> cut_;
};

std::unique_ptr<UdpServer> Start(const config::UdpPort& config, DatagramSink& sink) {
  auto server = UdpServer::Start(config, sink);
  EXPECT_TRUE(server) << server.error().message;
  return server ? std::move(*server) : nullptr;
}

TEST(UdpServer, HandsOnEveryDatagramInOrder) {
  Keeper keeper;
  const auto server = Start({.listen = ":0"}, keeper);
  const Sender sender(server->port());
  std::vector<std::string> sent;
  for (int i = 0; i < 100; ++i) sent.push_back("datagram " + std::to_string(i));
  sent[7] = "";
  for (const std::string& datagram : sent) sender.Send(datagram);
  EXPECT_EQ(keeper.Wait(sent.size()), sent);
  EXPECT_EQ(server->KernelDrops(), 0U);
  EXPECT_EQ(server->read_errors(), 0U);
}

TEST(UdpServer, SaysThatADatagramWasTooLong) {
  Keeper keeper;
  const auto server = Start({.listen = "127.0.0.1:0", .max_packet_bytes = 10}, keeper);
  const Sender sender(server->port());
  sender.Send("0123456789");
  sender.Send("0123456789x");
  EXPECT_EQ(keeper.Wait(2), (std::vector<std::string>{"0123456789", "0123456789"}));
  EXPECT_EQ(keeper.cut(), (std::vector<bool>{false, true}));
}

TEST(UdpServer, StopHandsOnWhatTheKernelHolds) {
  Keeper keeper;
  keeper.Hold(true);
  const auto server = Start({.listen = ":0"}, keeper);
  const Sender sender(server->port());
  for (int i = 0; i < 90; ++i) sender.Send("x");
  std::thread stopping([&] { server->Stop(); });
  std::this_thread::sleep_for(50ms);
  keeper.Hold(false);
  stopping.join();
  EXPECT_EQ(keeper.Wait(90).size(), 90U);
}

TEST(UdpServer, CountsWhatTheKernelDrops) {
  Keeper keeper;
  keeper.Hold(true);
  const auto server = Start({.listen = ":0", .receive_buffer_bytes = 1}, keeper);  // the kernel's least
  const Sender sender(server->port());
  const std::string bytes(1'000, 'x');
  for (int i = 0; i < 200; ++i) sender.Send(bytes);
  keeper.Hold(false);
  server->Stop();
  const size_t received = keeper.Wait(1).size();
  EXPECT_LT(received, 200U);
  EXPECT_EQ(received + server->KernelDrops(), 200U);
}

TEST(UdpServer, SeveralThreadsShareOnePort) {
  Keeper keeper;
  const auto server = Start({.listen = ":0", .threads = 3}, keeper);
  const Sender sender(server->port());
  for (int i = 0; i < 300; ++i) sender.Send("x");
  EXPECT_EQ(keeper.Wait(300).size(), 300U);
}

TEST(UdpServer, APortInUseIsAnError) {
  Keeper keeper;
  const auto first = Start({.listen = ":0"}, keeper);
  const auto second = UdpServer::Start({.listen = ":" + std::to_string(first->port())}, keeper);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("in use"), std::string::npos) << second.error().message;
}

}  // namespace
}  // namespace tracelet::ingest
