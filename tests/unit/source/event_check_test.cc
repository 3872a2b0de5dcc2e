#include "agent/source/event_check.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace tracelet::source {
namespace {

struct Case {
  const char* name;
  uint16_t kind;
  uint32_t size;  // header.size
  size_t record;  // bytes there are
  bool accepted;
  std::function<void(std::byte*)> change = [](std::byte*) {};
};

event_data& Data(std::byte* bytes) { return *reinterpret_cast<event_data*>(bytes); }

TEST(EventCheck, AcceptsOnlyWhatCanBeReadWithoutAnotherLook) {
  const Case cases[] = {
      {"exit", EVENT_EXIT, 48, 48, true},
      {"mapped", EVENT_MAPPED, 48, 48, true},
      {"shorter than a header", EVENT_EXIT, 48, 47, false},
      {"header.size beyond the record", EVENT_EXIT, 56, 48, false},
      {"header.size too small", EVENT_EXIT, 40, 48, false},
      {"record of a larger class", EVENT_EXIT, 48, 4096, true},
      {"open", EVENT_OPEN, 256, 256, true},
      {"open cut", EVENT_OPEN, 255, 256, false},
      {"close", EVENT_CLOSE, 96, 96, true},
      {"close cut", EVENT_CLOSE, 95, 96, false},
      {"exec", EVENT_EXEC, 840, 840, true},
      {"exec cut", EVENT_EXEC, 839, 840, false},
      {"exec arguments beyond the end", EVENT_EXEC, 840, 840, false,
       [](std::byte* bytes) { reinterpret_cast<event_exec*>(bytes)->args_size = EVENT_ARGS_MAX + 1; }},
      {"kind 0", 0, 48, 48, false},
      {"connect", EVENT_CONNECT, 80, 80, true},
      {"connect cut", EVENT_CONNECT, 79, 80, false},
      {"kind 8", 8, 4096, 4096, false},
      {"data without bytes", EVENT_DATA, 128, 128, true},
      {"data cut", EVENT_DATA, 127, 128, false},
      {"data", EVENT_DATA, 138, 144, true, [](std::byte* bytes) { Data(bytes).length = Data(bytes).captured = 10; }},
      {"captured beyond header.size", EVENT_DATA, 137, 144, false,
       [](std::byte* bytes) { Data(bytes).length = Data(bytes).captured = 10; }},
      {"captured beyond length", EVENT_DATA, 138, 144, false,
       [](std::byte* bytes) { Data(bytes).captured = 10, Data(bytes).length = 9; }},
      {"more captured than an event holds", EVENT_DATA, 8000, 8000, false,
       [](std::byte* bytes) { Data(bytes).captured = Data(bytes).length = EVENT_DATA_MAX + 1; }},
      {"captured overflows", EVENT_DATA, 128, 128, false,
       [](std::byte* bytes) { Data(bytes).captured = Data(bytes).length = 0xffffffff; }},
      {"direction", EVENT_DATA, 128, 128, false, [](std::byte* bytes) { Data(bytes).direction = 2; }},
  };
  for (const Case& c : cases) {
    alignas(8) std::byte record[8192] = {};
    auto& header = *reinterpret_cast<event_header*>(record);
    header.kind = c.kind;
    header.size = c.size;
    c.change(record);
    EXPECT_EQ(CheckEvent({record, c.record}) != nullptr, c.accepted) << c.name;
  }
}

}  // namespace
}  // namespace tracelet::source
