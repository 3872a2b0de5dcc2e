#include "agent/base/recycled.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace tracelet {
namespace {

constexpr size_t kBytes = 4'321;  // of nobody else
using Blocks = Recycled<kBytes>;

TEST(Recycled, TheBlockThatWasGivenBackLastIsTheNextOne) {
  void* first = Blocks::Take();
  void* second = Blocks::Take();
  EXPECT_NE(first, second);
  Blocks::GiveBack(first);
  Blocks::GiveBack(second);
  void* third = Blocks::Take();
  void* fourth = Blocks::Take();
  // Under sanitizers it is malloc's affair.
  EXPECT_TRUE(third == second || !kRecycles);
  EXPECT_TRUE(fourth == first || !kRecycles);
  Blocks::GiveBack(third);
  Blocks::GiveBack(fourth);
}

TEST(Recycled, BlocksAreEachOnesOwnHoweverManyThereAreAndWhoeverGivesThemBack) {
  for (int round = 0; round < 3; ++round) {
    std::set<void*> taken;
    for (size_t i = 0; i < 3 * Blocks::kKept; ++i) {
      void* block = Blocks::Take();
      EXPECT_TRUE(taken.insert(block).second);
      std::fill_n(static_cast<uint8_t*>(block), kBytes, static_cast<uint8_t>(round));
    }
    const auto give_back = [&] {
      for (void* block : taken) Blocks::GiveBack(block);
    };
    round == 1 ? std::thread(give_back).join() : give_back();
  }
}

TEST(Recycled, MapsAndSharedObjectsUseIt) {
  RecycledMap<int, std::string> map;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 2'000; ++i) map[i] = std::to_string(i);
    for (int i = 0; i < 2'000; ++i) EXPECT_EQ(map.at(i), std::to_string(i));
    map.clear();
  }
  const std::weak_ptr<std::string> gone =
      std::allocate_shared<std::string>(RecycledAllocator<std::string>(), "text that is too long for the object");
  EXPECT_TRUE(gone.expired());
}

}  // namespace
}  // namespace tracelet
