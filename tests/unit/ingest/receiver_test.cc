#include "agent/ingest/receiver.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <sstream>

#include "tests/unit/ingest/thrift_writer.h"

namespace tracelet::ingest {
namespace {

class CountingSink : public BatchSink {
 public:
  void OnBatch(const Batch& batch) override {
    ++batches;
    spans += batch.spans.size();
  }
  size_t batches = 0;
  size_t spans = 0;
};

// What the log gets while it lives.
class Log {
 public:
  Log() : before_(spdlog::default_logger()) {
    spdlog::set_default_logger(
        std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_)));
  }
  ~Log() { spdlog::set_default_logger(before_); }
  [[nodiscard]] size_t lines() const {
    const std::string text = text_.str();
    return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> before_;
};

class ReceiverTest : public testing::Test {
 protected:
  void Receive(const std::string& bytes, bool cut = false) {
    const sockaddr_storage nobody{};
    receiver_.OnDatagram({bytes, cut, nobody});
  }
  static ThriftWriter Process() {
    ThriftWriter writer(ThriftProtocol::kCompact);
    writer.Message("emitBatch").Field(1, ThriftType::kStruct).Field(1, ThriftType::kStruct);
    writer.FieldString(1, "shop").Stop();
    return writer;
  }
  static void AddSpan(int64_t start_us, ThriftWriter& writer) {
    for (int16_t id = 1; id <= 4; ++id) writer.FieldI64(id, id);
    writer.FieldString(5, "op").FieldI32(7, 1).FieldI64(8, start_us).FieldI64(9, 1).Stop();
  }

  Log log_;
  IngestCounters counters_;
  ClientStatsTable clients_;
  CountingSink sink_;
  Receiver receiver_{":6831", ThriftProtocol::kCompact, {counters_, clients_, sink_}};
  FormatCounters& jaeger_ = counters_.formats[static_cast<size_t>(Format::kJaeger)];
};

TEST_F(ReceiverTest, ABatchWithoutSpansIsCountedAndGoesNowhere) {
  Receive(Process().FieldList(2, 0).Stop().Stop().bytes());
  EXPECT_EQ(receiver_.counters().packets, 1U);
  EXPECT_EQ(receiver_.counters().handler_errors, 0U);
  EXPECT_EQ(jaeger_.batches_submitted, 1U);
  EXPECT_EQ(sink_.batches, 0U);
}

TEST_F(ReceiverTest, ASpanThatIsLostLeavesItsNeighbours) {
  ThriftWriter writer = Process();
  writer.FieldList(2, 3);
  AddSpan(1'000'000, writer);
  AddSpan(-1, writer);
  AddSpan(2'000'000, writer);
  Receive(writer.Stop().Stop().bytes());
  EXPECT_EQ(sink_.spans, 2U);
  EXPECT_EQ(jaeger_.spans_submitted, 2U);
  EXPECT_EQ(jaeger_.spans_failures, 1U);
  EXPECT_EQ(counters_.lost[static_cast<size_t>(SpanLoss::kTimeRange)], 1U);
  EXPECT_EQ(receiver_.counters().handler_errors, 1U);
}

TEST_F(ReceiverTest, ManyBrokenDatagramsAreOneLine) {
  for (int i = 0; i < 1'000; ++i) Receive("no thrift");
  Receive(std::string(100, 'x'), true);
  EXPECT_EQ(receiver_.counters().packets, 1'001U);
  EXPECT_EQ(receiver_.counters().handler_errors, 1'001U);
  EXPECT_EQ(receiver_.counters().packet_size, 100U);
  EXPECT_EQ(log_.lines(), 1U);
}

}  // namespace
}  // namespace tracelet::ingest
