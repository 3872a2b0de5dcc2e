#include "agent/ingest/address_namespaces.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace tracelet::ingest {
namespace {

// Of a pod's network namespace, as the kernel says it.
constexpr std::string_view kFibTrie = R"(Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 10.88.1.0/24 2 0 2
        +-- 10.88.1.0/29 2 0 2
           |-- 10.88.1.0
              /24 link UNICAST
           |-- 10.88.1.4
              /32 host LOCAL
        |-- 10.88.1.255
           /32 link BROADCAST
     +-- 127.0.0.0/8 2 0 2
        |-- 127.0.0.1
           /32 host LOCAL
)";
constexpr std::string_view kIfInet6 = "fd000000000000000000000000000104 02 40 00 80     eth0\n";

class AddressNamespacesTest : public testing::Test {
 protected:
  AddressNamespacesTest() { std::filesystem::remove_all(root_); }
  ~AddressNamespacesTest() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& file, std::string_view text) {
    std::filesystem::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text;
  }
  // A process with a network namespace of its own.
  void AddPod(const std::string& pid) {
    Write(pid + "/ns/net", "");
    Write(pid + "/net/fib_trie", kFibTrie);
    Write(pid + "/net/if_inet6", kIfInet6);
  }
  uint64_t InodeOf(const std::string& pid) {
    struct stat info {};
    stat((root_ / pid / "ns/net").c_str(), &info);
    return info.st_ino;
  }

  const std::filesystem::path root_ =
      testing::TempDir() + "/address_namespaces_" + std::to_string(getpid());  // tests run side by side
};

TEST_F(AddressNamespacesTest, FindsTheNamespaceOfAPodsAddress) {
  AddPod("17");
  Write("sys/kernel", "");
  AddressNamespaces namespaces(root_);
  for (const char* address : {"10.88.1.4", "fd00::104"}) {
    EXPECT_EQ(namespaces.Find(address).inode, InodeOf("17")) << address;
    EXPECT_EQ(namespaces.Find(address).pid, "17") << address;
  }
  for (const char* none : {"10.88.1.0", "10.88.1.255", "10.88.1.40", "10.88.1", "fd00::105", ""}) {
    EXPECT_EQ(namespaces.Find(none).inode, 0U) << none;
  }
}

TEST_F(AddressNamespacesTest, WhatTwoNamespacesHaveIsNobodys) {
  AddPod("17");
  AddPod("18");
  EXPECT_EQ(AddressNamespaces(root_).Find("10.88.1.4").inode, 0U);
}

TEST_F(AddressNamespacesTest, LooksAgainWhenThePodIsGone) {
  AddPod("17");
  AddressNamespaces namespaces(root_);
  EXPECT_EQ(namespaces.Find("10.88.1.4").pid, "17");
  AddPod("18");  // while 17 is there, too
  std::filesystem::remove_all(root_ / "17");
  EXPECT_EQ(namespaces.Find("10.88.1.4").pid, "18");
  std::filesystem::remove_all(root_ / "18");
  EXPECT_EQ(namespaces.Find("10.88.1.4").inode, 0U);
  AddPod("19");
  EXPECT_EQ(namespaces.Find("10.88.1.4").inode, 0U) << "not at once";
}

}  // namespace
}  // namespace tracelet::ingest
