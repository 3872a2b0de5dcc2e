// What fixtures of the reference cannot show: where tracelet is deliberately better
// than it (docs/jaeger-agent.md), and the edges between.
#include "agent/ingest/jaeger_decoder.h"

#include <gtest/gtest.h>

#include "agent/ingest/datagram.h"
#include "tests/unit/ingest/thrift_writer.h"

namespace tracelet::ingest {
namespace {

using enum ThriftType;

struct SpanFields {
  int64_t id = 1;
  int64_t parent = 0;
  int64_t start_us = 1'700'000'000'000'000;
  bool has_flags = true;
  std::string extra = "";  // encoded fields
};

class JaegerDecoderTest : public testing::TestWithParam<ThriftProtocol> {
 protected:
  [[nodiscard]] ThriftWriter Writer() const { return ThriftWriter(GetParam()); }

  [[nodiscard]] std::string Span(const SpanFields& span) const {
    ThriftWriter writer = Writer();
    writer.FieldI64(1, 11).FieldI64(2, 22).FieldI64(3, span.id).FieldI64(4, span.parent).FieldString(5, "op");
    if (span.has_flags) writer.FieldI32(7, 1);
    writer.FieldI64(8, span.start_us).FieldI64(9, 5).Append(span.extra);
    return writer.Stop().bytes();
  }
  [[nodiscard]] std::string Message(const std::vector<std::string>& spans, std::string_view more = {}) const {
    ThriftWriter writer = Writer();
    writer.Message("emitBatch").Field(1, kStruct).Field(1, kStruct).FieldString(1, "shop").Stop();
    writer.FieldList(2, static_cast<uint32_t>(spans.size()));
    for (const std::string& span : spans) writer.Append(span);
    return writer.Append(more).Stop().Stop().bytes();
  }
  [[nodiscard]] std::string Tag(int32_t type, const std::string& value) const {
    return Writer().FieldString(1, "key").FieldI32(2, type).Append(value).Stop().bytes();
  }
  // The message lives as long as the test.
  [[nodiscard]] Decoded Decode(std::string message) {
    return DecodeDatagram(GetParam(), messages_.emplace_front(std::move(message)));
  }
  [[nodiscard]] static std::vector<uint64_t> Ids(const Decoded& decoded) {
    std::vector<uint64_t> ids;
    if (decoded.batch) {
      for (const auto& span : decoded.batch->spans) ids.push_back(span.span_id.value);
    }
    return ids;
  }

 private:
  std::forward_list<std::string> messages_;
};

INSTANTIATE_TEST_SUITE_P(Protocols, JaegerDecoderTest,
                         testing::Values(ThriftProtocol::kCompact, ThriftProtocol::kBinary), [](const auto& test) {
                           return test.param == ThriftProtocol::kCompact ? "compact" : "binary";
                         });

using Ids64 = std::vector<uint64_t>;

TEST_P(JaegerDecoderTest, ASpanWithoutARequiredFieldIsLostAlone) {
  const auto decoded = Decode(Message({Span({.id = 1}), Span({.id = 2, .has_flags = false}), Span({.id = 3})}));
  EXPECT_EQ(Ids(decoded), (Ids64{1, 3}));
  EXPECT_EQ(decoded.batch->lost[SpanLoss::kMissingField], 1U);
  EXPECT_EQ(decoded.batch->lost.Total(), 1U);
}

TEST_P(JaegerDecoderTest, ASpanWithABrokenTagReferenceOrLogIsLostAlone) {
  const std::string keyless = Writer().FieldList(10, 1).FieldI32(2, 0).Stop().bytes();
  const std::string reference = Writer().FieldList(6, 1).FieldI32(1, 0).Stop().bytes();
  const std::string log = Writer().FieldList(11, 1).FieldI64(1, 5).Stop().bytes();
  const auto decoded = Decode(Message({Span({.id = 1, .extra = keyless}), Span({.id = 2, .extra = reference}),
                                       Span({.id = 3, .extra = log}), Span({.id = 4})}));
  EXPECT_EQ(Ids(decoded), (Ids64{4}));
  EXPECT_EQ(decoded.batch->lost[SpanLoss::kMissingField], 3U);
}

TEST_P(JaegerDecoderTest, ASpanOrLogOutsideTheTimesOfTheModelIsLostAlone) {
  const auto log = [&](int64_t time) {
    return Writer().FieldList(11, 1).FieldI64(1, time).FieldList(2, 0).Stop().bytes();
  };
  const auto decoded = Decode(Message({Span({.id = 1, .start_us = -1}), Span({.id = 2, .start_us = kEndOfTimeUs}),
                                       Span({.id = 3, .start_us = kEndOfTimeUs - 1}), Span({.id = 4, .start_us = 0}),
                                       Span({.id = 5, .extra = log(-1)}), Span({.id = 6, .extra = log(0)})}));
  EXPECT_EQ(Ids(decoded), (Ids64{3, 4, 6}));
  EXPECT_EQ(decoded.batch->lost[SpanLoss::kTimeRange], 3U);
}

TEST_P(JaegerDecoderTest, TheParentIsAReferenceUnlessOneToItIsThere) {
  const auto references = [&](int64_t id, int64_t trace_low) {
    return Writer()
        .FieldList(6, 1)
        .FieldI32(1, 1)
        .FieldI64(2, trace_low)
        .FieldI64(3, 22)
        .FieldI64(4, id)
        .Stop()
        .bytes();
  };
  const auto decoded = Decode(Message({Span({.parent = 9}), Span({.parent = 9, .extra = references(9, 11)}),
                                       Span({.parent = 9, .extra = references(8, 11)}),
                                       Span({.parent = 9, .extra = references(9, 12)}), Span({})}));
  ASSERT_EQ(decoded.batch->spans.size(), 5U);
  const auto& spans = decoded.batch->spans;
  ASSERT_EQ(spans[0].references.size(), 1U);
  EXPECT_EQ(spans[0].references[0].type, 0);
  EXPECT_EQ(spans[0].references[0].trace_id, (span::TraceId{22, 11}));
  ASSERT_EQ(spans[1].references.size(), 1U);
  EXPECT_EQ(spans[1].references[0].type, 1);
  ASSERT_EQ(spans[2].references.size(), 2U);
  EXPECT_EQ(spans[2].references[0].span_id.value, 9U);
  EXPECT_EQ(spans[3].references.size(), 2U);
  EXPECT_TRUE(spans[4].references.empty());
}

TEST_P(JaegerDecoderTest, ATagHasTheValueOfItsTypeWhateverElseIsThere) {
  const std::string all = Writer().FieldString(3, "text").Field(4, kDouble).Double(2.5).FieldBool(5, true).bytes() +
                          Writer().FieldI64(6, 77).FieldString(7, "bin").bytes();
  std::string tags = Writer().FieldList(10, 6).bytes();
  for (int type = 0; type < 6; ++type) tags += Tag(type, all);
  const auto decoded = Decode(Message({Span({.extra = tags})}));
  ASSERT_EQ(Ids(decoded).size(), 1U);
  const auto& found = decoded.batch->spans[0].tags;
  ASSERT_EQ(found.size(), 6U);
  EXPECT_EQ(found[0].text, "text");
  EXPECT_EQ(found[1].type, ValueType::kFloat64);
  EXPECT_EQ(found[1].real, 2.5);
  EXPECT_EQ(found[2].type, ValueType::kBool);
  EXPECT_EQ(found[2].number, 1);
  EXPECT_EQ(found[3].type, ValueType::kInt64);
  EXPECT_EQ(found[3].number, 77);
  EXPECT_EQ(found[4].type, ValueType::kBinary);
  EXPECT_EQ(found[4].text, "bin");
  EXPECT_EQ(found[5].type, ValueType::kString);
  EXPECT_EQ(found[5].text, "Unknown VType: 5");
}

TEST_P(JaegerDecoderTest, AnAbsentValueIsZero) {
  std::string tags = Writer().FieldList(10, 5).bytes();
  for (int type = 0; type < 5; ++type) tags += Tag(type, "");
  const auto decoded = Decode(Message({Span({.extra = tags})}));
  ASSERT_EQ(Ids(decoded).size(), 1U);
  for (const auto& tag : decoded.batch->spans[0].tags) {
    EXPECT_TRUE(tag.text.empty() && tag.number == 0 && tag.real == 0);
  }
}

TEST_P(JaegerDecoderTest, ReadsSequenceAndStatistics) {
  const std::string stats = Writer().FieldI64(3, 12).Field(4, kStruct).FieldI64(1, 1).FieldI64(2, 2).bytes();
  auto decoded = Decode(Message({}, Writer().Append(stats).FieldI64(3, 3).Stop().bytes()));
  ASSERT_TRUE(decoded.batch);
  EXPECT_EQ(decoded.batch->sequence, 12);
  ASSERT_TRUE(decoded.batch->stats);
  EXPECT_EQ(decoded.batch->stats->failed_to_emit_spans, 3);
  decoded = Decode(Message({Span({})}, Writer().Append(stats).Stop().bytes()));
  EXPECT_EQ(Ids(decoded).size(), 1U) << "incomplete statistics are no reason to lose spans";
  EXPECT_FALSE(decoded.batch->stats);
}

TEST_P(JaegerDecoderTest, UnknownFieldsAndOtherTypesAreSkipped) {
  const std::string odd =
      Writer().FieldString(1, "not a number").FieldI32(99, 1).Field(10, kList).List(kI32, 2).I32(1).I32(2).bytes();
  const auto decoded = Decode(Message({Span({.id = 5, .extra = odd})}, Writer().FieldList(70, 0).bytes()));
  EXPECT_EQ(Ids(decoded), (Ids64{5}));
  EXPECT_TRUE(decoded.batch->spans[0].tags.empty());
}

TEST_P(JaegerDecoderTest, IsLostWholeWhenCutAnywhere) {
  const std::string tags = Writer().FieldList(10, 1).bytes() + Tag(0, Writer().FieldString(3, "value").bytes());
  const std::string message = Message({Span({.id = 1, .extra = tags}), Span({.id = 2})});
  for (size_t size = 0; size < message.size(); ++size) {
    const auto decoded = Decode(message.substr(0, size));
    ASSERT_FALSE(decoded.batch) << size;
    ASSERT_FALSE(decoded.error.empty());
  }
  EXPECT_EQ(Ids(Decode(message)), (Ids64{1, 2}));
  EXPECT_EQ(Ids(Decode(message + message)), (Ids64{1, 2})) << "only the first message counts";
}

TEST_P(JaegerDecoderTest, AClaimOfManySpansCostsNothing) {
  ThriftWriter writer = Writer();
  writer.Message("emitBatch").Field(1, kStruct).FieldList(2, 10'000'000);
  const auto decoded = Decode(writer.bytes());
  EXPECT_FALSE(decoded.batch);
  EXPECT_EQ(decoded.error, Describe(ThriftError::kTooMany));
}

TEST_P(JaegerDecoderTest, WithoutArgumentsThereIsNoBatch) {
  EXPECT_FALSE(Decode(Writer().Message("emitBatch").Stop().bytes()).batch);
  EXPECT_EQ(Decode(Writer().Message("emitOther").Stop().bytes()).error, "an unknown method");
}

}  // namespace
}  // namespace tracelet::ingest
