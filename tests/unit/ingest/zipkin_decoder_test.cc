#include "agent/ingest/zipkin_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/ingest/datagram.h"
#include "agent/ingest/zipkin_log.h"
#include "tests/unit/ingest/thrift_writer.h"

namespace tracelet::ingest {
namespace {

using enum ThriftType;
using testing::ElementsAre;

ThriftWriter Writer() { return ThriftWriter(ThriftProtocol::kCompact); }

std::string Host(std::string_view service, int32_t ipv4 = 0) {
  return Writer().Field(3, kStruct).FieldI32(1, ipv4).FieldString(3, service).Stop().bytes();
}

struct Spans {
  std::vector<std::string> encoded;
  std::string datagram;

  // One span of `fields`, with annotations (time, value) of a host called "shop".
  Spans& Add(int64_t id, const std::vector<std::pair<int64_t, std::string>>& annotations,
             std::string_view fields = {}) {
    ThriftWriter writer = Writer();
    writer.FieldI64(1, 11).FieldString(3, "get").FieldI64(4, id);
    writer.FieldList(6, static_cast<uint32_t>(annotations.size()));
    for (const auto& [time, value] : annotations) {
      writer.FieldI64(1, time).FieldString(2, value).Append(Host("shop")).Stop();
    }
    encoded.push_back(writer.Append(fields).Stop().bytes());
    return *this;
  }
  // The datagram lives as long as this.
  [[nodiscard]] std::optional<Batch> Decode() {
    ThriftWriter writer = Writer();
    writer.Message("emitZipkinBatch").FieldList(1, static_cast<uint32_t>(encoded.size()));
    for (const std::string& span : encoded) writer.Append(span);
    datagram = writer.Stop().bytes();
    return DecodeDatagram(ThriftProtocol::kCompact, datagram).batch;
  }
};

std::string Binary(const std::vector<std::string>& annotations) {
  ThriftWriter writer = Writer();
  writer.FieldList(8, static_cast<uint32_t>(annotations.size()));
  for (const std::string& annotation : annotations) writer.Append(annotation);
  return writer.bytes();
}
std::string Binary(std::string_view key, std::string_view value, int32_t type) {
  return Writer().FieldString(1, key).FieldString(2, value).FieldI32(3, type).Stop().bytes();
}

std::string Show(const Tag& tag) {
  std::string text = std::string(tag.key) + "=";
  switch (tag.type) {
    case ValueType::kString:
      return text + std::string(tag.text);
    case ValueType::kBool:
      return text + (tag.number != 0 ? "true" : "false");
    case ValueType::kInt64:
      return text + std::to_string(tag.number);
    case ValueType::kFloat64:
      return text + std::to_string(tag.real);
    case ValueType::kBinary:
      return text + "b'" + std::string(tag.text) + "'";
  }
  return text;
}
std::vector<std::string> Show(const std::vector<Tag>& tags) {
  std::vector<std::string> shown;
  for (const Tag& tag : tags) shown.push_back(Show(tag));
  return shown;
}

TEST(ZipkinDecoder, ASpanWithoutAServiceNameIsLostAlone) {
  Spans spans;
  spans.Add(1, {{5, "sr"}}).Add(2, {}).Add(3, {{6, "sr"}});
  const auto batch = spans.Decode();
  ASSERT_TRUE(batch);
  ASSERT_EQ(batch->spans.size(), 2U);
  EXPECT_EQ(batch->spans[1].span_id.value, 3U);
  EXPECT_EQ(batch->lost[SpanLoss::kNoServiceName], 1U);
}

TEST(ZipkinDecoder, ASpanOutsideTheTimesOfTheModelIsLostAlone) {
  Spans spans;
  const auto batch = spans.Add(1, {{-5, "sr"}}).Add(2, {{5, "sr"}}).Add(3, {{5, "sr"}, {-1, "note"}}).Decode();
  ASSERT_EQ(batch->spans.size(), 1U);
  EXPECT_EQ(batch->spans[0].span_id.value, 2U);
  EXPECT_EQ(batch->lost[SpanLoss::kTimeRange], 2U);
}

TEST(ZipkinDecoder, DerivesStartAndDurationFromAnnotations) {
  Spans spans;
  const auto batch = spans
                         .Add(1, {{10, "sr"}, {30, "ss"}})                        // root: its receive
                         .Add(2, {{40, "x"}, {10, "cs"}, {25, "cr"}, {90, "y"}})  // the client wins
                         .Add(3, {{10, "note"}, {70, "note"}})                    // first to last
                         .Add(4, {{10, "note"}})                                  // nothing to derive from
                         .Add(5, {{70, "note"}, {10, "note"}})                    // backwards
                         .Add(6, {{10, "sr"}, {30, "ss"}}, Writer().FieldI64(11, 4).bytes())
                         .Decode();
  std::vector<std::pair<int64_t, int64_t>> times;
  for (const auto& span : batch->spans) times.emplace_back(span.start_us, span.duration_us);
  using P = std::pair<int64_t, int64_t>;
  EXPECT_THAT(times, ElementsAre(P{10, 20}, P{10, 15}, P{10, 60}, P{0, 1}, P{0, 1}, P{10, 4}));
}

TEST(ZipkinDecoder, AChildDoesNotStartAtItsReceive) {
  const std::string parent = Writer().FieldI64(5, 9).bytes();
  Spans spans;
  const auto batch = spans.Add(1, {{10, "sr"}}, parent).Add(2, {{10, "sr"}, {30, "ss"}}, parent).Decode();
  // The conversion itself takes the receive when there is still no start.
  EXPECT_EQ(batch->spans[0].start_us, 10);
  EXPECT_EQ(batch->spans[0].duration_us, 1);
  EXPECT_EQ(batch->spans[1].duration_us, 20);
  ASSERT_EQ(batch->spans[0].references.size(), 1U);
  EXPECT_EQ(batch->spans[0].references[0].span_id.value, 9U);
}

TEST(ZipkinDecoder, SaysWhatItRepaired) {
  Spans spans;
  const auto batch = spans.Add(1, {{10, "sr"}}, Writer().FieldI64(5, 0).FieldI64(11, -9).bytes())
                         .Add(2, {{10, "sr"}}, Binary({Binary("Error", "", 6), Binary("ERROR", "FALSE", 6)}))
                         .Add(3, {{10, "sr"}}, Binary({Binary("error", "it broke", 6), Binary("error", "\1", 0)}))
                         .Decode();
  EXPECT_THAT(Show(batch->spans[0].tags),
              ElementsAre("errNegativeDuration=-9", "errZeroParentID=0", "span.kind=server"));
  EXPECT_TRUE(batch->spans[0].references.empty());
  EXPECT_EQ(batch->spans[0].duration_us, 1);
  EXPECT_THAT(Show(batch->spans[1].tags), ElementsAre("Error=true", "ERROR=false", "span.kind=server"));
  EXPECT_THAT(Show(batch->spans[2].tags),
              ElementsAre("error=true", "error=true", "error.message=it broke", "span.kind=server"));
}

TEST(ZipkinDecoder, ConvertsBinaryAnnotationsByType) {
  using namespace std::string_view_literals;
  Spans spans;
  const auto batch =
      spans
          .Add(1, {},
               Binary({Binary("b", "\2", 0), Binary("y", "raw", 1), Binary("s", "\xff\xfe"sv, 2),
                       Binary("i", "\0\0\1\0more"sv, 3), Binary("l", "\xff\xff\xff\xff\xff\xff\xff\xff", 4),
                       Binary("d", "\x3f\xf8\0\0\0\0\0\0"sv, 5), Binary("short", "\1", 4), Binary("none", "", 5),
                       Binary("odd", "ab", 7), Binary("lc", "cache", 6),
                       Writer()
                           .FieldString(1, "sa")
                           .Field(4, kStruct)
                           .FieldI32(1, -1)
                           .Field(2, kI16)
                           .I16(-1)
                           .FieldString(3, "db")
                           .FieldString(4, "0123456789abcdef")
                           .Stop()
                           .Stop()
                           .bytes()}))
          .Decode();
  ASSERT_EQ(batch->spans.size(), 1U) << "named by a binary annotation";
  EXPECT_EQ(batch->spans[0].process->service_name, "db");
  EXPECT_THAT(
      Show(batch->spans[0].tags),
      ElementsAre("b=false", "y=b'raw'", "s=-2", "i=256", "l=-1", "d=1.500000",
                  "short=Cannot parse Zipkin value AQ==: unexpected EOF", "none=Cannot parse Zipkin value : EOF",
                  "odd=Cannot parse Zipkin value YWI=: unknown zipkin annotation type: 7", "component=cache",
                  "peer.service=db", "peer.ipv4=4294967295", "peer.ipv6=b'0123456789abcdef'", "peer.port=65535"));
}

TEST(ZipkinDecoder, MovesWhatIsOfTheProcessThereSorted) {
  Spans spans;
  const auto batch = spans
                         .Add(1, {{10, "cs"}},
                              Binary({Binary("jaeger.hostname", "node1", 6), Binary("http.path", "/", 6),
                                      Binary("jaegerClient", "Go-1", 6)}))
                         .Decode();
  EXPECT_THAT(Show(batch->spans[0].process->tags), ElementsAre("hostname=node1", "jaeger.version=Go-1"));
  EXPECT_THAT(Show(batch->spans[0].tags), ElementsAre("http.path=/", "span.kind=client"));
}

TEST(ZipkinDecoder, ClientAndServerInOneSpanAreTwo) {
  Spans spans;
  const auto batch = spans.Add(7, {{10, "cs"}, {12, "sr"}, {18, "ss"}, {20, "cr"}, {15, "note"}}).Decode();
  ASSERT_EQ(batch->spans.size(), 2U);
  EXPECT_EQ(batch->spans[0].duration_us, 10);
  EXPECT_THAT(Show(batch->spans[0].tags), ElementsAre("span.kind=client"));
  EXPECT_EQ(batch->spans[0].logs.size(), 1U);
  EXPECT_EQ(batch->spans[1].span_id.value, 7U);
  EXPECT_EQ(batch->spans[1].start_us, 12);
  EXPECT_EQ(batch->spans[1].duration_us, 6);
  EXPECT_THAT(Show(batch->spans[1].tags), ElementsAre("span.kind=server"));
  EXPECT_TRUE(batch->spans[1].logs.empty());
  EXPECT_TRUE(batch->spans[1].process);
}

TEST(ZipkinLog, AnObjectOfStringsIsOneFieldPerMember) {
  std::forward_list<std::string> made;
  const auto fields = [&](std::string_view value) { return Show(zipkin::LogFields(value, made)); };
  EXPECT_THAT(fields(R"( {"b":"1","a":"\u00e4","none":null} )"), ElementsAre("b=1", "a=\u00e4", "none="));
  EXPECT_THAT(fields(R"({"a":"1","a":"2"})"), ElementsAre("a=2"));
  EXPECT_THAT(fields("{}"), ElementsAre());
  EXPECT_THAT(fields("null"), ElementsAre());
  for (const std::string_view text : {"plain", R"({"a":1})", R"({"a":{"b":"c"}})", R"(["a"])", R"({"a":"b")",
                                      R"({"a":"b"} x)", "nullable", R"("text")", "{\"a\":\"\xff\"}"}) {
    EXPECT_THAT(fields(text), ElementsAre("event=" + std::string(text)));
  }
}

}  // namespace
}  // namespace tracelet::ingest
