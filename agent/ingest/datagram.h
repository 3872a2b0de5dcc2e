// One datagram, as a Jaeger client sends it to an agent: a Thrift message without any
// framing around it. Only the first message counts, what follows it is ignored.
#pragma once

#include <optional>
#include <string_view>

#include "agent/ingest/jaeger_model.h"
#include "agent/ingest/thrift_reader.h"

namespace tracelet::ingest {

struct Decoded {
  std::optional<Batch> batch;  // absent: all of the datagram is lost
  std::string_view error;      // then: why, for a log
};

// emitBatch and emitZipkinBatch, of any message type, in either protocol. The batch has
// views into `datagram`. Pure; any thread.
Decoded DecodeDatagram(ThriftProtocol protocol, std::string_view datagram);

}  // namespace tracelet::ingest
