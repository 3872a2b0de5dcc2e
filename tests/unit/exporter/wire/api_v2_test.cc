// What the fixtures do not contain; ../../../golden/ingest_test.cc has those.
#include "exporter/wire/api_v2.h"

#include <gtest/gtest.h>

namespace tracelet::exporter::wire {
namespace {

using namespace std::string_literals;

TEST(ApiV2, AgentTagsComeOnceToEachProcess) {
  const std::string tags = EncodeProcessTags({{.key = "k", .text = "v"}});
  EXPECT_EQ(tags, "\x12\x06\x0a\x01k\x1a\x01v"s);

  ingest::Batch jaeger;
  jaeger.process.emplace().service_name = "s";
  jaeger.spans.resize(2);
  EXPECT_EQ(Encode(jaeger, tags).process, "\x0a\x01s"s + tags);

  // The reference adds them once per span to a process that spans share: nine times for three.
  ingest::Batch zipkin;
  zipkin.format = ingest::Format::kZipkin;
  zipkin.spans.resize(3);
  for (auto& span : zipkin.spans) span.process.emplace().service_name = "s";
  const auto encoded = Encode(zipkin, tags);
  EXPECT_FALSE(encoded.process);
  EXPECT_EQ(encoded.count, 3U);
  size_t copies = 0;
  for (size_t at = encoded.spans.find(tags); at != std::string::npos; at = encoded.spans.find(tags, at + 1)) ++copies;
  EXPECT_EQ(copies, 3U);
}

TEST(ApiV2, AnEmptyProcessIsPresent) {
  ingest::Batch batch;
  batch.process.emplace();
  EXPECT_EQ(Encode(batch, {}).process, "");
}

TEST(ApiV2, LongMessagesHaveLongLengths) {
  ingest::Batch batch;
  const std::string text(20'000, 'x');
  batch.process.emplace().tags = {{.key = "k", .text = text}};
  const std::string expected = "\x12\xa7\x9c\x01\x0a\x01k\x1a\xa0\x9c\x01"s + text;
  EXPECT_EQ(Encode(batch, {}).process, expected);
}

TEST(ApiV2, NegativeNumbersAreTenBytes) {
  ingest::Batch batch;
  ingest::Span& span = batch.spans.emplace_back();
  span.references = {{-1, {}, {}}};
  EXPECT_NE(Encode(batch, {}).spans.find("\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s), std::string::npos);
}

TEST(ApiV2, TextNeedNotBeUtf8ButTheNameOfAService) {
  ingest::Batch batch;
  batch.process.emplace().service_name = "a\xff";
  batch.process->tags = {{.key = "\xfe", .text = "\xfd"}};
  EXPECT_EQ(Encode(batch, {}).process,
            "\x0a\x04"s
            "a\xef\xbf\xbd\x12\x06\x0a\x01\xfe\x1a\x01\xfd"s);
}

}  // namespace
}  // namespace tracelet::exporter::wire
