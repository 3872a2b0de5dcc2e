// Any file is a recording to someone: replaying it must end, without a crash.
#include <sstream>

#include "agent/source/replay_source.h"

namespace {

// Touches every byte that a sink is promised.
class ReadingSink : public tracelet::source::EventSink {
 public:
  void OnClock(const tracelet::source::ClockPair& pair) override { sum_ = sum_ + pair.realtime_ns; }
  void OnProcess(const tracelet::process::ProcessInfo& info) override {
    sum_ = sum_ + info.args.size() + info.exe.size();
  }
  void OnEvent(const event_header& event) override {
    const auto* bytes = reinterpret_cast<const unsigned char*>(&event);
    for (uint32_t i = 0; i < event.size; ++i) sum_ = sum_ + bytes[i];
    if (event.kind != EVENT_DATA) return;
    const auto& data = reinterpret_cast<const event_data&>(event);
    for (uint32_t i = 0; i < data.captured; ++i) sum_ = sum_ + data.bytes[i];
  }
  void OnWatermark(uint64_t monotonic_ns) override { sum_ = sum_ + monotonic_ns; }

 private:
  volatile uint64_t sum_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // The header is made right, so that mutations are spent on the records.
  const tracelet::source::RecordingHeader header;
  std::string file(reinterpret_cast<const char*>(&header), sizeof(header));
  file.append(reinterpret_cast<const char*>(data), size);
  auto source = tracelet::source::ReplaySource::Read(std::make_unique<std::istringstream>(file), "fuzz");
  if (!source) return 0;
  ReadingSink sink;
  while (true) {
    auto more = (*source)->Poll(sink, {});
    if (!more || !*more) return 0;
  }
}
