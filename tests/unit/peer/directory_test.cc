#include "agent/peer/directory.h"

#include <gmock/gmock.h>

namespace tracelet::peer {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(PrefixDirectory, TheLongestPrefixDecides) {
  const auto directory = PrefixDirectory::Make(
      {{"10.0.0.0/8", "wide:1"}, {"10.1.2.0/23", "narrow:1"}, {"10.1.3.7", "one:1"}, {"fd00::/16", "six:1"}});
  ASSERT_TRUE(directory) << directory.error().message;
  EXPECT_THAT((*directory)->Find("10.9.9.9"), ElementsAre("wide:1"));
  EXPECT_THAT((*directory)->Find("10.1.3.255"), ElementsAre("narrow:1"));
  EXPECT_THAT((*directory)->Find("10.1.3.7"), ElementsAre("one:1"));
  EXPECT_THAT((*directory)->Find("fd00::1"), ElementsAre("six:1"));
  EXPECT_THAT((*directory)->Find("11.0.0.1"), IsEmpty());
  EXPECT_THAT((*directory)->Find(""), IsEmpty());
}

TEST(PrefixDirectory, SaysWhatIsNoPrefix) {
  for (const char* wrong : {"10.0.0.0/33", "10.0.0/8", "host", "10.0.0.0/", "fd00::/129", "10.0.0.0/8x"}) {
    const auto directory = PrefixDirectory::Make({{wrong, "a:1"}});
    ASSERT_FALSE(directory) << wrong;
    EXPECT_THAT(directory.error().message, testing::HasSubstr(wrong));
  }
}

TEST(TableDirectory, IsReplacedAsAWhole) {
  TableDirectory directory;
  directory.Replace({{"10.1.1.1", "a:1"}});
  EXPECT_THAT(directory.Find("10.1.1.1"), ElementsAre("a:1"));
  directory.Replace({{"10.1.1.2", "b:1"}});
  EXPECT_THAT(directory.Find("10.1.1.1"), IsEmpty());
  EXPECT_THAT(directory.Find("10.1.1.2"), ElementsAre("b:1"));
}

TEST(ServiceDirectory, AnAgentsOwnAddressIsThatAgents) {
  ServiceDirectory directory("127.0.0.1:14280", 16);
  EXPECT_THAT(directory.Find("127.0.0.1"), IsEmpty());
  ASSERT_TRUE(directory.Refresh());
  EXPECT_THAT(directory.Find("127.0.0.1"), ElementsAre("127.0.0.1:14280"));
  EXPECT_THAT(directory.Find("10.1.1.1"), ElementsAre("127.0.0.1:14280"));
}

TEST(ServiceDirectory, KeepsWhatItKnewWhenDnsFails) {
  ServiceDirectory directory("host.invalid:14280", 16);
  EXPECT_FALSE(directory.Refresh());
}

TEST(Directories, TheFirstThatKnowsDecidesAndNobodyAsksItself) {
  auto table = std::make_shared<TableDirectory>();
  table->Replace({{"10.1.1.1", "127.0.0.1:14280"}, {"10.1.1.2", "127.0.0.1:9"}, {"127.0.0.1", "10.0.0.9:14280"}});
  auto behind = std::make_shared<TableDirectory>();
  behind->Replace({{"10.1.1.2", "never:1"}, {"10.1.1.3", "third:1"}});
  Directories directories(":14280");
  directories.Add(table);
  directories.Add(behind);
  EXPECT_THAT(directories.Find("10.1.1.1"), IsEmpty());
  EXPECT_THAT(directories.Find("10.1.1.2"), ElementsAre("127.0.0.1:9"));
  EXPECT_THAT(directories.Find("10.1.1.3"), ElementsAre("third:1"));
  EXPECT_THAT(directories.Find("127.0.0.1"), IsEmpty());
}

}  // namespace
}  // namespace tracelet::peer
