#include "agent/base/rare.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace tracelet {
namespace {

TEST(Rare, IsEmptyUntilItIsGivenAValue) {
  Rare<std::string> rare;
  EXPECT_FALSE(rare);
  rare = std::string("there");
  ASSERT_TRUE(rare);
  EXPECT_EQ(*rare, "there");
  EXPECT_EQ(rare->size(), 5u);
  rare.reset();
  EXPECT_FALSE(rare);
}

TEST(Rare, IsWhatAnOptionalIs) {
  EXPECT_FALSE(Rare<std::string>(std::optional<std::string>()));
  EXPECT_EQ(*Rare<std::string>(std::optional<std::string>("there")), "there");
}

TEST(Rare, CopiesItsValue) {
  Rare<std::string> one(std::string("one"));
  Rare<std::string> copy(one);
  *copy = "two";
  EXPECT_EQ(*one, "one");
  one = copy;
  EXPECT_EQ(*one, "two");
  one = Rare<std::string>();
  EXPECT_FALSE(one);
  EXPECT_EQ(*copy, "two");
}

TEST(Rare, MovesItsValue) {
  Rare<std::string> one(std::string("one"));
  const std::string* where = &*one;
  Rare<std::string> moved(std::move(one));
  EXPECT_EQ(&*moved, where);
}

TEST(Rare, TakesTheRoomOfAPointer) { EXPECT_EQ(sizeof(Rare<std::string>), sizeof(void*)); }

}  // namespace
}  // namespace tracelet
