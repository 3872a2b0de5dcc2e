// Lists of structs, the only lists in jaeger.thrift and zipkincore.
#pragma once

#include <algorithm>
#include <vector>

#include "agent/ingest/thrift_reader.h"

namespace tracelet::ingest {

// Calls begin(size), then read() for each element. False after a failure, or if the list
// has elements of another type, which are skipped, as if the list were not there.
template <typename Begin, typename Read>
bool ForEachStruct(ThriftReader& reader, Begin&& begin, Read&& read) {
  ThriftReader::List list = reader.ListBegin();
  const bool structs = list.size == 0 || list.type == ThriftType::kStruct;
  if (structs) begin(list.size);
  for (; list.size > 0 && reader.ok(); --list.size) {
    if (structs) {
      read();
    } else {
      reader.Skip(list.type, ThriftReader::kMaxSkipDepth);
    }
  }
  return structs && reader.ok();
}

// Replaces `elements` by those of the list; read(element) reads one. An element usually
// takes `usual_bytes`: memory is reserved for as many as can still follow of that size.
template <typename Element, typename Read>
bool ReadStructs(ThriftReader& reader, std::vector<Element>& elements, size_t usual_bytes, Read&& read) {
  const auto reserve = [&](uint32_t size) {
    elements.clear();
    elements.reserve(std::min<size_t>(size, reader.rest().size() / usual_bytes));
  };
  return ForEachStruct(reader, reserve, [&] { read(elements.emplace_back()); });
}

}  // namespace tracelet::ingest
