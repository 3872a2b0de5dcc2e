#include "exporter/output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "agent/base/unique_fd.h"

namespace tracelet::exporter {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct Pipe {
  Pipe() {
    signal(SIGPIPE, SIG_IGN);
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    read_end.Reset(ends[0]);
    write_end.Reset(ends[1]);
  }
  std::string ReadAll() {
    write_end.Reset();
    std::string all;
    char buffer[4096];
    for (ssize_t got = 0; (got = read(read_end.get(), buffer, sizeof(buffer))) > 0;) all.append(buffer, got);
    return all;
  }
  UniqueFd read_end;
  UniqueFd write_end;
};

TEST(Output, WritesInOrder) {
  Pipe pipe;
  Output output(pipe.write_end.get());
  output.Append("one\n", 1);
  output.Append("two\n", 1);
  output.Finish(milliseconds(1000));
  EXPECT_EQ(pipe.ReadAll(), "one\ntwo\n");
  EXPECT_EQ(output.spans_dropped(), 0U);
  EXPECT_FALSE(output.reader_gone());
}

TEST(Output, AReaderThatDoesNotReadCostsOneWaitAndIsCounted) {
  Pipe pipe;
  Output output(pipe.write_end.get(), WhenFull::kDrop, 2 * Output::kBlockBytes);
  const std::string line(1024, 'x');
  const auto begin = steady_clock::now();
  for (int i = 0; i < 4096; ++i) output.Append(line, 1);
  output.Finish(milliseconds(10));
  EXPECT_LT(steady_clock::now() - begin, 5 * Output::kPatience);
  // Some of it is in the pipe, at most as much as it holds; the rest is counted.
  EXPECT_GT(output.spans_dropped(), 3500U);
  EXPECT_LE(output.spans_dropped(), 4096U);
  pipe.read_end.Reset();  // lets the thread go before its descriptor is closed
  while (!output.reader_gone()) std::this_thread::sleep_for(milliseconds(1));
}

TEST(Output, AReplayWaitsForASlowReader) {
  Pipe pipe;
  std::string got;
  Output output(pipe.write_end.get(), WhenFull::kWait, 2 * Output::kBlockBytes);
  std::thread reader([&] {
    std::this_thread::sleep_for(milliseconds(300));
    char buffer[65536];
    while (got.size() < 1024U * 1024) {
      const ssize_t bytes = read(pipe.read_end.get(), buffer, sizeof(buffer));
      if (bytes <= 0) break;
      got.append(buffer, static_cast<size_t>(bytes));
    }
  });
  for (int i = 0; i < 1024; ++i) output.Append(std::string(1024, 'x'), 1);
  output.Finish(milliseconds(0));
  reader.join();
  EXPECT_EQ(got.size(), 1024U * 1024);
  EXPECT_EQ(output.spans_dropped(), 0U);
}

TEST(Output, AClosedPipeIsNoticed) {
  Pipe pipe;
  pipe.read_end.Reset();
  Output output(pipe.write_end.get());
  output.Append("lost\n", 3);
  output.Finish(milliseconds(1000));
  EXPECT_TRUE(output.reader_gone());
  EXPECT_EQ(output.spans_dropped(), 3U);
}

}  // namespace
}  // namespace tracelet::exporter
