#include "agent/source/recording.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include "agent/source/replay_source.h"

namespace tracelet::source {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

// Writes each call down as a line.
class LogSink : public EventSink {
 public:
  void OnClock(const ClockPair& pair) override {
    lines.push_back("clock " + std::to_string(pair.monotonic_ns) + " " + std::to_string(pair.realtime_ns));
  }
  void OnProcess(const process::ProcessInfo& info) override {
    std::string line = "process " + std::to_string(info.key.tgid) + "/" + std::to_string(info.key.start_ns) + " " +
                       std::to_string(info.ppid) + " " + info.comm + " " + info.exe + " " + info.service_name + " " +
                       info.container_id + " " + info.cgroup;
    for (const auto& arg : info.args) line += " " + arg;
    for (const auto& attribute : info.resource_attributes) line += " " + attribute;
    lines.push_back(line);
  }
  void OnEvent(const event_header& event) override {
    lines.push_back("event " + std::string(reinterpret_cast<const char*>(&event), event.size));
  }
  void OnWatermark(uint64_t monotonic_ns) override { lines.push_back("watermark " + std::to_string(monotonic_ns)); }

  std::vector<std::string> lines;
};

std::vector<uint64_t> MakeData(uint64_t time_ns, std::string_view text) {
  std::vector<uint64_t> storage((sizeof(event_data) + text.size() + 7) / 8);
  auto& data = *reinterpret_cast<event_data*>(storage.data());
  data.header.time_ns = time_ns;
  data.header.size = static_cast<uint32_t>(sizeof(event_data) + text.size());
  data.header.kind = EVENT_DATA;
  data.header.tgid = 7;
  data.length = data.captured = static_cast<uint32_t>(text.size());
  std::memcpy(data.bytes, text.data(), text.size());
  return storage;
}

process::ProcessInfo MakeProcess() {
  process::ProcessInfo info;
  info.key = {7, 12'345'678'901};
  info.ppid = 1;
  info.comm = "curl";
  info.exe = "/usr/bin/curl";
  info.args = {"curl", "http://x/?a=b c"};
  info.service_name = "curl";
  info.container_id = std::string(64, 'a');
  info.cgroup = "/system.slice/x";
  info.resource_attributes = {"k=v", "l=w"};
  return info;
}

struct Recording {
  std::vector<std::string> told;
  std::string file;
};

Recording Record() {
  LogSink sink;
  auto stream = std::make_unique<std::ostringstream>();
  std::ostringstream& file = *stream;
  Recorder recorder(std::move(stream), "memory", sink);
  recorder.OnClock({1'000, 2'000});
  recorder.OnProcess(MakeProcess());
  recorder.OnEvent(*reinterpret_cast<const event_header*>(MakeData(1'500, "GET / HTTP/1.1\r\n\r\n").data()));
  recorder.OnWatermark(1'600);
  recorder.OnClock({1'700, 2'701});
  recorder.OnEvent(*reinterpret_cast<const event_header*>(MakeData(1'800, "").data()));
  recorder.OnWatermark(1'900);
  KernelLedger ledger;
  ledger.attempted = 10;
  ledger.ring_full = 8;
  ledger.consumed = 2;
  EXPECT_TRUE(recorder.Finish(ledger).has_value());
  return {sink.lines, file.str()};
}

Result<std::unique_ptr<ReplaySource>> Open(const std::string& file) {
  return ReplaySource::Read(std::make_unique<std::istringstream>(file), "test");
}

// Everything a file delivers, and how it ended: "" or the error.
std::pair<std::vector<std::string>, std::string> Replay(const std::string& file) {
  auto source = Open(file);
  if (!source) return {{}, source.error().message};
  LogSink sink;
  while (true) {
    auto more = (*source)->Poll(sink, {});
    if (!more) return {sink.lines, more.error().message};
    if (!*more) return {sink.lines, ""};
  }
}

TEST(Recording, ReplaysEveryCallInOrder) {
  const Recording recording = Record();
  const auto [lines, error] = Replay(recording.file);
  EXPECT_EQ(error, "");
  EXPECT_THAT(lines, ElementsAreArray(recording.told));
  EXPECT_EQ(lines.size(), 7U);
}

TEST(Recording, KeepsLedgerKernelAndArchitecture) {
  auto source = Open(Record().file);
  ASSERT_TRUE(source.has_value());
  LogSink sink;
  while (*(*source)->Poll(sink, {})) {
  }
  EXPECT_EQ((*source)->Ledger().attempted, 10U);
  EXPECT_EQ((*source)->Ledger().ring_full, 8U);
  EXPECT_EQ((*source)->Ledger().consumed, 2U);
  EXPECT_STRNE((*source)->header().kernel, "");
  EXPECT_STRNE((*source)->header().architecture, "");
}

TEST(Recording, PollStopsAtEachWatermark) {
  auto source = Open(Record().file);
  ASSERT_TRUE(source.has_value());
  LogSink sink;
  EXPECT_TRUE(*(*source)->Poll(sink, {}));
  EXPECT_EQ(sink.lines.back(), "watermark 1600");
  (*source)->Stop();
  EXPECT_FALSE(*(*source)->Poll(sink, {}));
  EXPECT_EQ(sink.lines.back(), "watermark 1600");
}

TEST(Recording, CutAnywhereDeliversWhatIsWholeThenSaysSo) {
  const Recording recording = Record();
  size_t clean_ends = 0;
  for (size_t size = 0; size < recording.file.size(); ++size) {
    const auto [lines, error] = Replay(recording.file.substr(0, size));
    ASSERT_LE(lines.size(), recording.told.size()) << size;
    for (size_t i = 0; i < lines.size(); ++i) ASSERT_EQ(lines[i], recording.told[i]) << size;
    if (error.empty()) {
      ++clean_ends;  // cut between two records
    } else if (size >= sizeof(RecordingHeader)) {
      ASSERT_THAT(error, HasSubstr("is cut off")) << size;
    }
  }
  EXPECT_EQ(clean_ends, 7U);  // after the header and after each record but the last
}

TEST(Recording, RefusesOtherFilesAndVersions) {
  EXPECT_THAT(Replay("").second, HasSubstr("not a recording"));
  EXPECT_THAT(Replay(std::string(4096, 'x')).second, HasSubstr("not a recording"));
  std::string file = Record().file;
  file[8] = 99;
  EXPECT_THAT(Replay(file).second, HasSubstr("version 99"));
  EXPECT_FALSE(ReplaySource::Open("/nonexistent/file").has_value());
}

TEST(Recording, NamesTheCorruptRecord) {
  RecordingHeader header;
  const auto file = [&](RecordKind kind, const std::string& payload) {
    const RecordHeader record{static_cast<uint32_t>(payload.size()), kind};
    return std::string(reinterpret_cast<const char*>(&header), sizeof(header)) +
           std::string(reinterpret_cast<const char*>(&record), sizeof(record)) + payload;
  };
  EXPECT_THAT(Replay(file(RecordKind::kEvent, std::string(48, '\xff'))).second, HasSubstr("byte 160 is not an event"));
  EXPECT_THAT(Replay(file(RecordKind::kProcess, "{")).second, HasSubstr("is not a process"));
  EXPECT_THAT(Replay(file(RecordKind::kProcess, "[1]")).second, HasSubstr("is not a process"));
  EXPECT_THAT(Replay(file(RecordKind::kClock, "123")).second, HasSubstr("is not a clock pair"));
  EXPECT_THAT(Replay(file(RecordKind::kWatermark, "123")).second, HasSubstr("is not a watermark"));
  EXPECT_THAT(Replay(file(RecordKind::kLedger, "123")).second, HasSubstr("is not a ledger"));
  EXPECT_THAT(Replay(file(static_cast<RecordKind>(99), "123")).second, HasSubstr("unknown kind"));
  EXPECT_THAT(Replay(file(RecordKind::kEvent, std::string(kMaxRecordBytes + 1, 'x'))).second,
              HasSubstr("impossible length"));
}

TEST(Recording, OddProcessFieldsBecomeEmpty) {
  auto info = ProcessFromJson(R"({"tgid":5,"args":[1,"a",{}],"exe":7,"ppid":-1})");
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->key.tgid, 5U);
  EXPECT_THAT(info->args, ElementsAre("a"));
  EXPECT_EQ(info->exe, "");
  EXPECT_EQ(info->ppid, 0U);
}

TEST(Recording, ArgumentsThatAreNoTextDoNotStopIt) {
  process::ProcessInfo info = MakeProcess();
  info.args = {"\xff\xfe"};
  auto back = ProcessFromJson(ProcessToJson(info));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->args.size(), 1U);
}

TEST(Recorder, ForwardsAfterTheFileFailed) {
  LogSink sink;
  auto recorder = Recorder::Create("/dev/full", sink);
  ASSERT_TRUE(recorder.has_value());
  (*recorder)->OnClock({1, 2});
  for (uint64_t i = 0; i < 100'000; ++i) (*recorder)->OnWatermark(i);
  EXPECT_EQ(sink.lines.size(), 100'001U);
  EXPECT_FALSE((*recorder)->status().has_value());
  EXPECT_FALSE((*recorder)->Finish({}).has_value());
}

TEST(Recorder, SaysWhenTheFileCannotBeMade) {
  LogSink sink;
  auto recorder = Recorder::Create("/nonexistent/file", sink);
  ASSERT_FALSE(recorder.has_value());
  EXPECT_THAT(recorder.error().message, HasSubstr("/nonexistent/file"));
}

}  // namespace
}  // namespace tracelet::source
