#include "agent/ingest/datagram.h"

#include "agent/ingest/jaeger_decoder.h"
#include "agent/ingest/zipkin_decoder.h"

namespace tracelet::ingest {

Decoded DecodeDatagram(ThriftProtocol protocol, std::string datagram) {
  auto batch = std::make_unique<Batch>();
  batch->datagram = std::move(datagram);
  if (batch->datagram.empty()) return {nullptr, "it is empty"};

  ThriftReader reader(protocol, batch->datagram);
  const std::string_view method = reader.MessageName();
  bool decoded = false;
  if (method == "emitBatch") {
    decoded = DecodeJaegerBatch(reader, *batch);
  } else if (method == "emitZipkinBatch") {
    decoded = DecodeZipkinBatch(reader, *batch);
  } else if (reader.ok()) {
    return {nullptr, "an unknown method"};
  }
  if (decoded) return {std::move(batch), {}};
  return {nullptr, reader.ok() ? "a required field of the batch or its process is missing" : Describe(reader.error())};
}

}  // namespace tracelet::ingest
