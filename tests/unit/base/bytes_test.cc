#include "agent/base/bytes.h"

#include <gtest/gtest.h>

namespace tracelet {
namespace {

TEST(ByteReader, ReadsBothByteOrders) {
  ByteReader reader(std::string_view("\x01\x02\x03\x04", 4));
  EXPECT_EQ(reader.BigEndian<uint16_t>(), 0x0102);
  EXPECT_EQ(reader.LittleEndian<uint16_t>(), 0x0403);
  EXPECT_EQ(reader.left(), 0U);
}

TEST(ByteReader, ShortReadFailsAndMovesNothing) {
  ByteReader reader("abc");
  EXPECT_FALSE(reader.BigEndian<uint32_t>());
  EXPECT_FALSE(reader.Take(4));
  EXPECT_EQ(reader.rest(), "abc");
}

}  // namespace
}  // namespace tracelet
