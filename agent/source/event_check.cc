#include "agent/source/event_check.h"

#include <cstdint>

namespace tracelet::source {
namespace {

size_t SmallestSize(uint16_t kind) {
  switch (kind) {
    case EVENT_DATA:
      return sizeof(event_data);
    case EVENT_OPEN:
      return sizeof(event_open);
    case EVENT_CLOSE:
      return sizeof(event_close);
    case EVENT_EXEC:
      return sizeof(event_exec);
    case EVENT_EXIT:
    case EVENT_MAPPED:
      return sizeof(event_header);
    case EVENT_CONNECT:
      return sizeof(event_connect);
    default:
      return SIZE_MAX;
  }
}

}  // namespace

const event_header* CheckEvent(std::span<const std::byte> record) {
  if (record.size() < sizeof(event_header)) return nullptr;
  const auto* header = reinterpret_cast<const event_header*>(record.data());
  if (header->size > record.size() || header->size < SmallestSize(header->kind)) return nullptr;
  if (header->kind == EVENT_DATA) {
    const auto* data = reinterpret_cast<const event_data*>(header);
    if (data->captured > header->size - sizeof(event_data)) return nullptr;
    if (data->captured > data->length || data->captured > EVENT_DATA_MAX) return nullptr;
    if (data->direction > DIRECTION_TX) return nullptr;
  }
  if (header->kind == EVENT_EXEC) {
    const auto* exec = reinterpret_cast<const event_exec*>(header);
    if (exec->args_size > EVENT_ARGS_MAX) return nullptr;
  }
  return header;
}

}  // namespace tracelet::source
