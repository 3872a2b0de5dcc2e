#include "agent/base/start_pages.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <fstream>
#include <stdexcept>
#include <string>

namespace tracelet {
namespace {

// Resident pages of files, in KiB: proc(5), status.
long ResidentFiles() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssFile:")) return std::stol(line.substr(8));
  }
  return -1;
}

TEST(GiveBackStartPages, GivesBackWhatIsMappedInAgainWhenItIsNeeded) {
  const long before = ResidentFiles();
  GiveBackStartPages();
  EXPECT_LT(ResidentFiles(), before);
  EXPECT_NE(dlsym(RTLD_DEFAULT, "malloc"), nullptr);                              // symbol tables
  EXPECT_THROW((void)std::stol("no number"), std::invalid_argument);              // unwinding tables
  EXPECT_EQ(std::string("constants of this program").substr(0, 9), "constants");  // .rodata
}

}  // namespace
}  // namespace tracelet
