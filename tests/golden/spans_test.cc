// Events -> spans, whole: each hand-made recording (tests/support/scenes.cc) is
// written to a file, replayed, and its spans compared with tests/golden/spans/<name>.json.
// After a wanted change: TRACELET_UPDATE_GOLDEN=1 build/dev/tests/unit_tests
// --gtest_filter='*SpansGolden*', and read the diff.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "agent/pipeline/pipeline.h"
#include "agent/source/recording.h"
#include "agent/source/replay_source.h"
#include "exporter/json/json_lines.h"
#include "tests/support/scenes.h"

namespace tracelet {
namespace {

class Lines : public span::SpanSink {
 public:
  void OnSpan(std::shared_ptr<const span::Span> span) override {
    exporter::TextBlock line;
    const std::string process = "\"process.pid\":" + std::to_string(span->process->key.tgid);
    exporter::AppendJsonLine(*span, process, line);
    text += line.view();
  }
  void OnWatermark(uint64_t) override {}
  std::string text;
};

class Nowhere : public source::EventSink {
 public:
  void OnClock(const source::ClockPair&) override {}
  void OnProcess(const process::ProcessInfo&) override {}
  void OnEvent(const event_header&) override {}
  void OnWatermark(uint64_t) override {}
};

// The scene as the bytes of a recording.
std::string Record(const testing::Scene& scene) {
  auto file = std::make_unique<std::ostringstream>();
  const std::ostringstream& bytes = *file;
  Nowhere nowhere;
  source::Recorder recorder(std::move(file), "scene", nowhere);
  scene.Play(recorder);
  EXPECT_TRUE(recorder.Finish({.attempted = scene.events.size(), .ring_full = 0, .consumed = scene.events.size()}));
  return bytes.str();
}

std::string Replay(const std::string& recording, size_t events) {
  Lines lines;
  pipeline::Pipeline pipeline(config::Config{}, lines, {});
  auto source = source::ReplaySource::Read(std::make_unique<std::istringstream>(recording), "scene");
  if (!source) return source.error().message;
  while (true) {
    const auto more = (*source)->Poll(pipeline, std::chrono::milliseconds(0));
    EXPECT_TRUE(more) << more.error().message;
    if (!more || !*more) break;
  }
  pipeline.Finish();
  EXPECT_EQ(pipeline.events().used + pipeline.events().ignored.Total(), events);
  EXPECT_EQ(pipeline.spans().assembled, pipeline.spans().exported + pipeline.spans().dropped.Total());
  return lines.text;
}

class SpansGolden : public ::testing::TestWithParam<testing::NamedScene> {};

TEST_P(SpansGolden, EqualTheFile) {
  testing::Scene scene;
  GetParam().play(scene);
  const std::string spans = Replay(Record(scene), scene.events.size());
  const std::string path = std::string(TRACELET_SOURCE_DIR "/tests/golden/spans/") + GetParam().name + ".json";
  if (std::getenv("TRACELET_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << spans;
  std::ostringstream golden;
  golden << std::ifstream(path).rdbuf();
  EXPECT_EQ(spans, golden.str());
  EXPECT_EQ(spans.find("secret"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Scenes, SpansGolden, ::testing::ValuesIn(testing::Scenes()),
                         [](const auto& scene) { return std::string(scene.param.name); });

}  // namespace
}  // namespace tracelet
