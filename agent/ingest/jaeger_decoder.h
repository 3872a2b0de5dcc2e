// jaeger.thrift's Agent.emitBatch into the model. Pure; any thread.
#pragma once

#include "agent/ingest/jaeger_model.h"
#include "agent/ingest/thrift_reader.h"

namespace tracelet::ingest {

// Reads the arguments of emitBatch, up to the end of their struct. False: no usable
// batch, see reader.error(); without an error there, a field that the schema requires of the
// batch or its process is missing. Spans that are wrong alone are counted in batch.lost.
bool DecodeJaegerBatch(ThriftReader& reader, Batch& batch);

}  // namespace tracelet::ingest
