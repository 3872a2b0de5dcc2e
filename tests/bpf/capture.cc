#include "tests/bpf/capture.h"

#include <unistd.h>

#include <atomic>
#include <cstring>
#include <thread>

namespace tracelet::testing {

std::string End::Stream(const std::vector<Data>& events) {
  std::string stream;
  for (const Data& data : events) {
    if (data.length == 0 || (data.flags & DATA_PEEK) != 0) continue;
    EXPECT_EQ(data.offset, events.front().offset + stream.size()) << "a hole or an overlap";
    EXPECT_LE(data.bytes.size(), data.length);
    stream += data.bytes;
    stream.append(data.length - data.bytes.size(), '?');
  }
  return stream;
}

uint64_t End::Length(const std::vector<Data>& events) {
  uint64_t sum = 0;
  for (const Data& data : events) sum += (data.flags & DATA_PEEK) != 0 ? 0 : data.length;
  return sum;
}

End& Events::EndOf(const conn_id& id) {
  for (const auto& end : ends) {
    if (std::memcmp(&end->id, &id, sizeof(id)) == 0) return *end;
  }
  ends.push_back(std::make_unique<End>());
  ends.back()->id = id;
  return *ends.back();
}

void Events::OnEvent(const event_header& event) {
  EXPECT_GT(event.time_ns, watermark_ns);
  EXPECT_GE(event.time_ns, headers.empty() ? 0 : headers.back().time_ns);
  headers.push_back(event);
  if (event.kind == EVENT_OPEN) {
    const auto& open = reinterpret_cast<const event_open&>(event);
    EndOf(open.conn).open = open;
  } else if (event.kind == EVENT_CLOSE) {
    const auto& close = reinterpret_cast<const event_close&>(event);
    EndOf(close.conn).closes.push_back(close);
  } else if (event.kind == EVENT_DATA) {
    const auto& data = reinterpret_cast<const event_data&>(event);
    End& end = EndOf(data.conn);
    EXPECT_NE(end.open.header.kind, 0) << "data of a connection that was not opened";
    auto& stream = data.direction == DIRECTION_TX ? end.sent : end.received;
    stream.push_back({event.time_ns, data.offset, data.length,
                      std::string(reinterpret_cast<const char*>(data.bytes), data.captured), data.flags, data.error,
                      data.waits, event.tgid, event.tid, data.record});
  }
}

void Events::OnWatermark(uint64_t monotonic_ns) {
  EXPECT_GT(monotonic_ns, watermark_ns);
  watermark_ns = monotonic_ns;
}

std::vector<const End*> Events::Ends(conn_role role) const {
  std::vector<const End*> found;
  for (const auto& end : ends) {
    if (end->open.header.kind != 0 && end->open.role == role) found.push_back(end.get());
  }
  return found;
}

void CaptureTest::SetUp() {
  ASSERT_EQ(geteuid(), 0U) << "these tests load programs into the kernel: run them as root";
  settings_.tls.enabled = false;  // this program contains OpenSSL, and a probe takes 0.1 s to take away
}

void CaptureTest::Capture(Stage::Act traffic, Stage::Act before) {
  const auto tree = [](pid_t stage) {
    config::Selector selector;
    selector.tree = static_cast<uint32_t>(stage);
    return selector;
  };
  CaptureSelected(tree, std::move(traffic), std::move(before));
}

void CaptureTest::CaptureSelected(const std::function<config::Selector(pid_t)>& select, Stage::Act traffic,
                                  Stage::Act before) {
  Stage stage(std::move(before), std::move(traffic));
  auto source = source::BpfSource::Start(settings_, select(stage.pid()));
  ASSERT_TRUE(source.has_value()) << source.error().message;
  stage.Go();
  // Poll while it runs: rings of test size would overflow.
  std::atomic<bool> ended = false, good = false;
  std::thread waiter([&] {
    good = stage.Finish();
    ended = true;
  });
  while (!ended) EXPECT_TRUE((*source)->Poll(events_, std::chrono::milliseconds(20)).has_value());
  waiter.join();
  (*source)->Stop();
  while (true) {
    auto more = (*source)->Poll(events_, {});
    ASSERT_TRUE(more.has_value()) << more.error().message;
    if (!*more) break;
  }
  ledger_ = (*source)->Ledger();
  late_ = (*source)->late();
  ASSERT_TRUE(good) << "the traffic itself failed";
  EXPECT_EQ(ledger_.attempted, ledger_.consumed + ledger_.ring_full);
  EXPECT_EQ(ledger_.consumed,
            events_.headers.size() + ledger_.not_selected + ledger_.without_connection + ledger_.malformed);
  EXPECT_EQ(ledger_.malformed, 0U);
  EXPECT_EQ(late_, 0U);
}

const End& CaptureTest::client() {
  static const End kNone;
  const auto ends = events_.Ends(ROLE_CLIENT);
  EXPECT_EQ(ends.size(), 1U);
  return ends.empty() ? kNone : *ends.front();
}

const End& CaptureTest::server() {
  static const End kNone;
  const auto ends = events_.Ends(ROLE_SERVER);
  EXPECT_EQ(ends.size(), 1U);
  return ends.empty() ? kNone : *ends.front();
}

}  // namespace tracelet::testing
