// Each crafted datagram through a real socket: the counters move exactly as those of
// jaeger-agent 1.53 did (datagrams/conformance/manifest.json).
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "agent/ingest/ingest.h"

namespace tracelet::ingest {
namespace {

using namespace std::chrono_literals;

const std::filesystem::path kConformance =
    std::filesystem::path(TRACELET_SOURCE_DIR) / "tests/golden/datagrams/conformance";

class CountingSink : public BatchSink {
 public:
  void OnBatch(const Batch& batch) override { spans_ += batch.spans.size(); }
  [[nodiscard]] uint64_t spans() const { return spans_; }

 private:
  std::atomic<uint64_t> spans_{0};
};

using Samples = std::map<std::string, int64_t>;

// The counters (not the gauges) by name and labels, as in the manifest.
Samples Counters(Ingest& ingest) {
  std::string text;
  ingest.AppendMetrics(text);
  std::istringstream lines(text);
  Samples samples;
  bool counter = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) counter = line.ends_with(" counter");
    constexpr std::string_view kPrefix = "jaeger_agent_";
    if (!counter || !line.starts_with(kPrefix)) continue;
    const size_t space = line.rfind(' ');
    samples[line.substr(kPrefix.size(), space - kPrefix.size())] = std::stoll(line.substr(space + 1));
  }
  return samples;
}

Samples Moved(const Samples& before, const Samples& after) {
  Samples moved;
  for (const auto& [name, value] : after) {
    const int64_t delta = value - before.at(name);
    if (delta != 0) moved[name] = delta;
  }
  return moved;
}

void Send(uint16_t port, const std::string& bytes) {
  const UniqueFd fd(socket(AF_INET, SOCK_DGRAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(sendto(fd.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&address), sizeof(address)),
            static_cast<ssize_t>(bytes.size()));
}

TEST(IngestGolden, EveryCraftedDatagramMovesTheCountersOfTheReference) {
  std::ifstream file(kConformance / "manifest.json");
  ASSERT_TRUE(file) << kConformance;
  const auto manifest = nlohmann::json::parse(file);
  config::Ingest config;
  for (auto* port : {&config.zipkin_compact, &config.jaeger_compact, &config.jaeger_binary})
    port->listen = "127.0.0.1:0";
  CountingSink sink;
  auto ingest = Ingest::Start(config, sink);
  ASSERT_TRUE(ingest) << ingest.error().message;
  const auto ports = (*ingest)->ports();
  const std::map<int, uint16_t> port_of = {{5775, ports[0]}, {6831, ports[1]}, {6832, ports[2]}};

  for (const auto& packet : manifest.at("packets")) {
    std::ifstream bytes(kConformance / packet.at("file").get<std::string>(), std::ios::binary);
    const std::string datagram{std::istreambuf_iterator<char>(bytes), {}};
    ASSERT_EQ(datagram.size(), packet.at("bytes").get<size_t>());
    const auto expected = packet.at("metrics_delta").get<Samples>();
    const Samples before = Counters(**ingest);
    Send(port_of.at(packet.at("port").get<int>()), datagram);
    Samples moved;
    for (int i = 0; i < 5'000 && moved != expected; ++i) {
      std::this_thread::sleep_for(1ms);
      moved = Moved(before, Counters(**ingest));
    }
    EXPECT_EQ(moved, expected) << packet.at("file");
  }
  EXPECT_GT(sink.spans(), 0U);
}

}  // namespace
}  // namespace tracelet::ingest
