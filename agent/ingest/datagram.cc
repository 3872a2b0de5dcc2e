#include "agent/ingest/datagram.h"

#include "agent/ingest/jaeger_decoder.h"
#include "agent/ingest/zipkin_decoder.h"

namespace tracelet::ingest {

Decoded DecodeDatagram(ThriftProtocol protocol, std::string_view datagram) {
  if (datagram.empty()) return {std::nullopt, "it is empty"};
  Decoded decoded;
  Batch& batch = decoded.batch.emplace();
  ThriftReader reader(protocol, datagram);
  const std::string_view method = reader.MessageName();
  bool complete = false;
  if (method == "emitBatch") {
    complete = DecodeJaegerBatch(reader, batch);
  } else if (method == "emitZipkinBatch") {
    complete = DecodeZipkinBatch(reader, batch);
  } else if (reader.ok()) {
    return {std::nullopt, "an unknown method"};
  }
  if (complete) return decoded;
  return {std::nullopt,
          reader.ok() ? "a required field of the batch or its process is missing" : Describe(reader.error())};
}

}  // namespace tracelet::ingest
