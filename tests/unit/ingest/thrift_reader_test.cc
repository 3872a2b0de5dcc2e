#include "agent/ingest/thrift_reader.h"

#include <gtest/gtest.h>

#include "tests/unit/ingest/thrift_writer.h"

namespace tracelet::ingest {
namespace {

using enum ThriftType;

class ThriftReaderTest : public testing::TestWithParam<ThriftProtocol> {
 protected:
  ThriftWriter writer_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Protocols, ThriftReaderTest,
                         testing::Values(ThriftProtocol::kCompact, ThriftProtocol::kBinary), [](const auto& test) {
                           return test.param == ThriftProtocol::kCompact ? "compact" : "binary";
                         });

TEST_P(ThriftReaderTest, ReadsEveryType) {
  writer_.Message("emit").Field(1, kI16).I16(-7).FieldI32(2, -70'000).FieldI64(300, INT64_MIN);
  writer_.Field(4, kDouble).Double(-0.5).FieldString(5, "text").FieldBool(6, true).FieldBool(7, false);
  writer_.Field(8, kI8).Byte(0xff).Stop();
  ThriftReader reader(GetParam(), writer_.bytes());
  EXPECT_EQ(reader.MessageName(), "emit");
  ThriftReader::Struct fields(reader);
  ASSERT_TRUE(fields.Next());
  EXPECT_EQ(fields.key(), Key(1, kI16));
  EXPECT_EQ(reader.I16(), -7);
  ASSERT_TRUE(fields.Next());
  EXPECT_EQ(reader.I32(), -70'000);
  ASSERT_TRUE(fields.Next());
  EXPECT_EQ(fields.key(), Key(300, kI64));
  EXPECT_EQ(reader.I64(), INT64_MIN);
  ASSERT_TRUE(fields.Next());
  EXPECT_EQ(reader.Double(), -0.5);
  ASSERT_TRUE(fields.Next());
  EXPECT_EQ(reader.String(), "text");
  ASSERT_TRUE(fields.Next());
  EXPECT_EQ(fields.key(), Key(6, kBool));
  EXPECT_TRUE(reader.Bool());
  ASSERT_TRUE(fields.Next());
  EXPECT_FALSE(reader.Bool());
  ASSERT_TRUE(fields.Next());
  EXPECT_EQ(reader.I8(), -1);
  EXPECT_FALSE(fields.Next());
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.rest(), "");
}

TEST_P(ThriftReaderTest, SkipsEveryTypeAndFindsWhatFollows) {
  writer_.Field(1, kMap);
  if (GetParam() == ThriftProtocol::kCompact) {
    writer_.Byte(1).Byte(0x8c);  // one entry, string to struct
  } else {
    writer_.Byte(11).Byte(12).I32(1);
  }
  writer_.String("key").FieldBool(1, true).FieldString(2, "x").Stop();
  writer_.Field(2, kList).List(kI64, 20);
  for (int i = 0; i < 20; ++i) writer_.I64(i * 1'000'000'007LL);
  writer_.Field(3, kSet).List(kBool, 2).Byte(1).Byte(0).Field(4, kUuid).Append(std::string(16, 'u'));
  writer_.Field(5, kDouble).Double(1).Field(6, kI8).Byte(1).FieldI64(7, 42).Stop();
  ThriftReader reader(GetParam(), writer_.bytes());
  int64_t found = 0;
  for (ThriftReader::Struct fields(reader); fields.Next();) {
    if (fields.key() == Key(7, kI64)) {
      found = reader.I64();
    } else {
      fields.Skip();
    }
  }
  EXPECT_TRUE(reader.ok()) << Describe(reader.error());
  EXPECT_EQ(found, 42);
  EXPECT_EQ(reader.rest(), "");
}

TEST_P(ThriftReaderTest, SkipsToItsLimitOfDepthAndNotDeeper) {
  for (const int depth : {ThriftReader::kMaxSkipDepth - 1, ThriftReader::kMaxSkipDepth}) {
    ThriftWriter writer(GetParam());
    for (int i = 0; i < depth; ++i) writer.Field(1, kStruct);
    writer.FieldI32(1, 1);
    for (int i = 0; i <= depth; ++i) writer.Stop();
    ThriftReader reader(GetParam(), writer.bytes());
    ThriftReader::Struct fields(reader);
    ASSERT_TRUE(fields.Next());
    fields.Skip();
    EXPECT_EQ(reader.error(), depth < ThriftReader::kMaxSkipDepth ? ThriftError::kNone : ThriftError::kTooDeep);
  }
}

TEST_P(ThriftReaderTest, RefusesMoreElementsThanBytes) {
  writer_.List(kStruct, 4).Stop().Stop().Stop();
  ThriftReader short_by_one(GetParam(), writer_.bytes());
  EXPECT_EQ(short_by_one.ListBegin().size, 0U);
  EXPECT_EQ(short_by_one.error(), ThriftError::kTooMany);
  const std::string whole = ThriftWriter(GetParam()).Append(writer_.bytes()).Stop().bytes();
  ThriftReader reader(GetParam(), whole);
  EXPECT_EQ(reader.ListBegin().size, 4U);
}

TEST_P(ThriftReaderTest, RefusesNegativeSizes) {
  const bool compact = GetParam() == ThriftProtocol::kCompact;
  const std::string minus_one = compact ? "\xff\xff\xff\xff\x0f" : "\xff\xff\xff\xff";
  ThriftReader text(GetParam(), minus_one);
  EXPECT_EQ(text.String(), "");
  EXPECT_EQ(text.error(), ThriftError::kNegativeSize);
  const std::string bytes = (compact ? "\xfc" : "\x0c") + minus_one;
  ThriftReader list(GetParam(), bytes);
  EXPECT_EQ(list.ListBegin().size, 0U);
  EXPECT_EQ(list.error(), ThriftError::kNegativeSize);
}

TEST_P(ThriftReaderTest, AfterAFailureReadsNothingAndKeepsTheFirstReason) {
  writer_.String("longer than what is there");
  const std::string cut = writer_.bytes().substr(0, 10);
  ThriftReader reader(GetParam(), cut);
  EXPECT_EQ(reader.String(), "");
  EXPECT_EQ(reader.error(), ThriftError::kTruncated);
  EXPECT_EQ(reader.I64(), 0);
  EXPECT_EQ(reader.MessageName(), "");
  EXPECT_FALSE(ThriftReader::Struct(reader).Next());
  EXPECT_EQ(reader.ListBegin().size, 0U);
  EXPECT_EQ(reader.error(), ThriftError::kTruncated);
}

TEST(ThriftReader, KnowsTheOtherProtocol) {
  for (const auto protocol : {ThriftProtocol::kCompact, ThriftProtocol::kBinary}) {
    const auto other = protocol == ThriftProtocol::kCompact ? ThriftProtocol::kBinary : ThriftProtocol::kCompact;
    const std::string message = ThriftWriter(other).Message("emitBatch").bytes();
    ThriftReader reader(protocol, message);
    EXPECT_EQ(reader.MessageName(), "");
    EXPECT_EQ(reader.error(), ThriftError::kBadProtocol);
  }
}

TEST(ThriftReader, ReadsTheOldBinaryHeader) {
  ThriftReader reader(ThriftProtocol::kBinary, std::string_view("\0\0\0\4emit\1\0\0\0\7rest", 17));
  EXPECT_EQ(reader.MessageName(), "emit");
  EXPECT_EQ(reader.rest(), "rest");
}

TEST(ThriftReader, AddsUpFieldDeltas) {
  // Delta 1 of i32, delta 15 of i32, then a long form with id 3, then delta 2.
  ThriftReader reader(ThriftProtocol::kCompact, std::string_view("\x15\x02\xf5\x04\x05\x06\x06\x25\x08\x00", 10));
  std::vector<std::pair<uint32_t, int32_t>> seen;
  for (ThriftReader::Struct fields(reader); fields.Next();) seen.emplace_back(fields.key() >> 8, reader.I32());
  const std::vector<std::pair<uint32_t, int32_t>> expected = {{1, 1}, {16, 2}, {3, 3}, {5, 4}};
  EXPECT_EQ(seen, expected);
}

TEST(ThriftReader, RefusesTypesThatDoNotExist) {
  ThriftReader reader(ThriftProtocol::kCompact, "\x1e");
  EXPECT_FALSE(ThriftReader::Struct(reader).Next());
  EXPECT_EQ(reader.error(), ThriftError::kBadType);
  ThriftReader binary(ThriftProtocol::kBinary, std::string_view("\x05\x00\x01", 3));
  ThriftReader::Struct fields(binary);
  ASSERT_TRUE(fields.Next());
  fields.Skip();
  EXPECT_EQ(binary.error(), ThriftError::kBadType);
}

}  // namespace
}  // namespace tracelet::ingest
