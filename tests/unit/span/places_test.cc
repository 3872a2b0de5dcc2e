#include "agent/span/places.h"

#include <gtest/gtest.h>

namespace tracelet::span {
namespace {

TEST(Places, AreKeptUntilThereAreManyAndThoseInUseAlways) {
  std::unordered_map<size_t, bool> busy;
  Places places;
  const auto sweep = [&] { places.Sweep(busy, [](bool one) { return !one; }); };
  for (size_t i = 0; i < Places::kKept; ++i) busy[i] = i % 2 == 0;
  sweep();
  EXPECT_EQ(busy.size(), Places::kKept);
  busy[Places::kKept] = true;
  sweep();
  EXPECT_EQ(busy.size(), Places::kKept / 2 + 1);
}

TEST(Places, MayBeFewWhereTheyHoldMuch) {
  std::unordered_map<size_t, bool> busy;
  Places places(2);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(busy.size(), i);
    busy[i] = i == 0;
    places.Sweep(busy, [](bool one) { return !one; });
  }
  EXPECT_EQ(busy.size(), 1);
}

TEST(Places, AreLookedThroughRarelyHoweverManyAreInUse) {
  std::unordered_map<size_t, bool> busy;
  Places places;
  size_t looked = 0;
  for (size_t i = 0; i < 16 * Places::kKept; ++i) {
    busy[i] = true;
    places.Sweep(busy, [&](bool) {
      ++looked;
      return false;
    });
  }
  EXPECT_LT(looked, 2 * busy.size());
}

}  // namespace
}  // namespace tracelet::span
