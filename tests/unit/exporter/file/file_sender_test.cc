#include "exporter/file/file_sender.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "exporter/file/file_encoder.h"
#include "exporter/proto/jaeger/model.pb.h"
#include "tests/unit/exporter/spans.h"

namespace tracelet::exporter {
namespace {

class FileSenderTest : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(directory_); }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string Read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(directory_ / name).rdbuf();
    return text.str();
  }
  config::File Config(size_t max_bytes, uint32_t max_files) const {
    return {.path = directory_ / "spans.jsonl", .max_file_bytes = max_bytes, .max_files = max_files, .delivery = {}};
  }
  static SendStatus Send(FileSender& sender, const std::string& bytes) {
    return sender.Send({std::make_shared<const std::string>(bytes), 1}, {}).status;
  }

  const std::filesystem::path directory_ =
      std::filesystem::temp_directory_path() / ("tracelet_file_sender_" + std::to_string(getpid()));
};

TEST_F(FileSenderTest, RotatesAndRemovesTheOldest) {
  FileSender sender(Config(10, 3));
  for (const char* text : {"aaaaa\n", "bbbbb\n", "ccccc\n", "ddddd\n", "e\n"}) {
    EXPECT_EQ(Send(sender, text), SendStatus::kDelivered);
  }
  EXPECT_EQ(Read("spans.jsonl"), "ddddd\ne\n");
  EXPECT_EQ(Read("spans.jsonl.1"), "ccccc\n");
  EXPECT_EQ(Read("spans.jsonl.2"), "bbbbb\n");
  EXPECT_FALSE(std::filesystem::exists(directory_ / "spans.jsonl.3"));
}

TEST_F(FileSenderTest, GoesOnWithAnExistingFileAndKeepsOneFileOnly) {
  std::ofstream(directory_ / "spans.jsonl") << "old\n";
  FileSender sender(Config(10, 1));
  EXPECT_EQ(Send(sender, "new\n"), SendStatus::kDelivered);
  EXPECT_EQ(Read("spans.jsonl"), "old\nnew\n");
  EXPECT_EQ(Send(sender, "more\n"), SendStatus::kDelivered);
  EXPECT_EQ(Read("spans.jsonl"), "more\n");
}

TEST_F(FileSenderTest, AMissingFolderIsWorthAnotherTry) {
  config::File config = Config(10, 1);
  config.path = directory_ / "later" / "spans.jsonl";
  FileSender sender(config);
  EXPECT_EQ(Send(sender, "a\n"), SendStatus::kRetry);
  std::filesystem::create_directory(directory_ / "later");
  EXPECT_EQ(Send(sender, "a\n"), SendStatus::kDelivered);
  EXPECT_EQ(Read("later/spans.jsonl"), "a\n");
}

TEST_F(FileSenderTest, AFullDiskIsWorthAnotherTry) {
  config::File config = Config(1'000, 1);
  config.path = "/dev/full";
  FileSender sender(config);
  EXPECT_EQ(Send(sender, "a\n"), SendStatus::kRetry);
}

TEST(FileEncoder, WritesOneObjectPerSpanCapturedOrReceived) {
  FileEncoder encoder(pipeline::ResourceTagger({{{"cluster", "blue"}}}, "node-1"));
  encoder.Add(*Server(2, 1, "shop", 3, 4));
  ::jaeger::api_v2::Batch batch;
  batch.add_spans()->set_operation_name("job");
  batch.mutable_process()->set_service_name("legacy");
  std::string spans = batch.SerializeAsString();
  spans.resize(spans.size() - 2 - batch.process().ByteSizeLong());
  EXPECT_EQ(encoder.Add({spans, 1, batch.process().SerializeAsString()}), 0u);
  const auto payloads = encoder.Take();
  ASSERT_EQ(payloads.size(), 1u);
  EXPECT_EQ(payloads[0].spans, 2u);
  std::istringstream lines(*payloads[0].bytes);
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  const auto captured = nlohmann::json::parse(line);
  EXPECT_EQ(captured["service"], "shop");
  EXPECT_EQ(captured["attributes"]["cluster"], "blue");
  EXPECT_EQ(captured["attributes"]["host.name"], "node-1");
  EXPECT_EQ(captured["attributes"]["process.pid"], 4004);
  ASSERT_TRUE(std::getline(lines, line));
  const auto received = nlohmann::json::parse(line);
  EXPECT_EQ(received["name"], "job");
  EXPECT_EQ(received["service"], "legacy");
  EXPECT_FALSE(std::getline(lines, line));
}

}  // namespace
}  // namespace tracelet::exporter
