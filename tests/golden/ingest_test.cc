// Recorded and crafted datagrams against the exact requests that jaeger-agent 1.53 made
// of them: datagrams/README.md.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "agent/base/bytes.h"
#include "agent/ingest/datagram.h"
#include "exporter/wire/api_v2.h"
#include "exporter/wire/protobuf_writer.h"

namespace tracelet::ingest {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxDatagram = 65'000;  // the reference's --processor.*.server-max-packet-size

fs::path Fixtures() { return fs::path(TRACELET_SOURCE_DIR) / "tests/golden/datagrams"; }

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<fs::path> Files(const fs::path& folder, std::string_view extension) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(Fixtures() / folder)) {
    if (entry.path().extension() == extension) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

ThriftProtocol ProtocolOfPort(const fs::path& file) {
  return file.stem().string().ends_with("-6832") ? ThriftProtocol::kBinary : ThriftProtocol::kCompact;
}

// PostSpansRequest { Batch batch = 1 }, Batch { repeated Span spans = 1; Process process = 2; }
std::string Request(const span::IngestedBatch& batch) {
  std::string request;
  exporter::wire::ProtobufWriter writer(request);
  writer.Nested(1, [&] {
    request.append(batch.spans);
    if (batch.process) writer.Message(2, *batch.process);
  });
  return request;
}

// What is made of a datagram; empty: nothing is left of it.
std::string Request(ThriftProtocol protocol, std::string datagram) {
  datagram.resize(std::min(datagram.size(), kMaxDatagram));
  const Decoded decoded = DecodeDatagram(protocol, datagram);
  if (!decoded.batch) return {};
  if (decoded.batch->spans.empty() && decoded.batch->lost.Total() > 0) return {};
  return Request(exporter::wire::Encode(*decoded.batch, {}));
}

TEST(IngestGolden, EveryCraftedDatagramGivesTheBytesOfTheReference) {
  const std::vector<fs::path> files = Files("conformance", ".dgram");
  ASSERT_GE(files.size(), 40U);
  for (const fs::path& file : files) {
    const std::string expected = ReadFile(fs::path(file).replace_extension(".pb"));
    EXPECT_EQ(Request(ProtocolOfPort(file), ReadFile(file)), expected) << file.filename();
  }
}

// A recording has one golden, of all its datagrams.
TEST(IngestGolden, EveryRecordedClientGivesTheBytesOfTheReference) {
  const std::vector<fs::path> files = Files("clients", ".bin");
  ASSERT_GE(files.size(), 8U);
  for (const fs::path& file : files) {
    const std::string recorded = ReadFile(file);
    std::string requests;
    ByteReader reader(recorded);
    while (const auto size = reader.BigEndian<uint32_t>()) {
      const auto datagram = reader.Take(*size);
      ASSERT_TRUE(datagram) << file.filename();
      requests += Request(ProtocolOfPort(file), std::string(*datagram));
    }
    EXPECT_EQ(requests, ReadFile(fs::path(file).replace_extension(".pb"))) << file.filename();
  }
}

}  // namespace
}  // namespace tracelet::ingest
