// One datagram, as a Jaeger client sends it to an agent: a Thrift message without any
// framing around it. Only the first message counts, what follows it is ignored.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "agent/ingest/jaeger_model.h"
#include "agent/ingest/thrift_reader.h"

namespace tracelet::ingest {

struct Decoded {
  std::unique_ptr<Batch> batch;  // null: all of the datagram is lost
  std::string_view error;        // then: why, for a log
};

// emitBatch and emitZipkinBatch, of any message type, in either protocol. Pure; any thread.
Decoded DecodeDatagram(ThriftProtocol protocol, std::string datagram);

}  // namespace tracelet::ingest
