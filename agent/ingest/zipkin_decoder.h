// zipkincore.thrift's Agent.emitZipkinBatch into Jaeger's model. Pure; any thread.
#pragma once

#include "agent/ingest/jaeger_model.h"
#include "agent/ingest/thrift_reader.h"

namespace tracelet::ingest {

// Reads the arguments of emitZipkinBatch, up to the end of their struct; sanitizes and
// converts each span. False: see reader.error(). Spans that cannot be said in Jaeger's
// model are counted in batch.lost.
bool DecodeZipkinBatch(ThriftReader& reader, Batch& batch);

}  // namespace tracelet::ingest
