// Anybody can send anything to a UDP port: both protocols and both methods must end,
// without a crash, at a cost that the datagram pays for.
#include "agent/ingest/datagram.h"
#include "exporter/wire/api_v2.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using tracelet::ingest::ThriftProtocol;
  const std::string_view datagram(reinterpret_cast<const char*>(data), size);
  for (const auto protocol : {ThriftProtocol::kCompact, ThriftProtocol::kBinary}) {
    const auto decoded = tracelet::ingest::DecodeDatagram(protocol, datagram);
    if (decoded.batch.has_value() != decoded.error.empty()) __builtin_trap();
    if (!decoded.batch) continue;
    // A span takes at least a byte of the datagram; one of Zipkin's can become two.
    if (decoded.batch->spans.size() > 2 * size) __builtin_trap();
    const auto encoded = tracelet::exporter::wire::Encode(*decoded.batch, {});
    if (encoded.count != decoded.batch->spans.size()) __builtin_trap();
  }
  return 0;
}
