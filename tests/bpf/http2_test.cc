// HTTP/2's frames: what of them is copied, and when they are believed.
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>

#include "agent/protocol/http2/frame.h"
#include "tests/bpf/capture.h"
#include "tests/support/http2_frames.h"

namespace tracelet::testing {
namespace {

using Http2Test = CaptureTest;
namespace http2 = protocol::http2;

const std::string kOpening = std::string(http2::kClientPreface) + Http2Settings(3, 100);

std::string Headers(uint32_t id, size_t size) {
  return Http2Frame(http2::kHeaders, http2::kEndHeaders, id, std::string(size, 'h'));
}
std::string Data(uint32_t id, size_t size) {
  return Http2Frame(http2::kData, http2::kEndStream, id, std::string(size, 'd'));
}

// What is copied of these frames; '?' for the rest.
std::string Copied(std::string stream) {
  constexpr size_t kCapturedOfData = 16;
  size_t at = stream.starts_with(http2::kClientPreface) ? http2::kClientPreface.size() : 0;
  while (at < stream.size()) {
    const http2::Frame frame = http2::ParseFrameHeader(std::string_view(stream).substr(at, http2::kFrameHeader));
    at += http2::kFrameHeader;
    const size_t kept = std::min<size_t>(frame.length, frame.type == http2::kData ? kCapturedOfData : frame.length);
    for (size_t i = at + kept; i < std::min(at + frame.length, stream.size()); ++i) stream[i] = '?';
    at += frame.length;
  }
  return stream;
}

// Every event that says so begins where a frame does, and those that follow a skipped stretch say so.
void ExpectFramesAt(const std::vector<struct Data>& events, const std::string& stream) {
  std::vector<uint64_t> begins = {0};
  size_t at = stream.starts_with(http2::kClientPreface) ? http2::kClientPreface.size() : 0;
  for (; at < stream.size();) {
    begins.push_back(at);
    at += http2::kFrameHeader + http2::ParseFrameHeader(std::string_view(stream).substr(at, 9)).length;
  }
  for (const struct Data& data : events) {
    if (data.length == 0) continue;
    const bool begin = std::ranges::find(begins, data.offset) != begins.end();
    EXPECT_EQ((data.flags & DATA_FRAME) != 0, begin) << data.offset;
  }
}

TEST_F(Http2Test, CopiesHeadsWholeAndTheBeginningOfData) {
  std::string up = kOpening;
  for (size_t size : {0, 15, 16, 17, 100, 5000}) up += Headers(1, size) + Data(1, size);
  for (const Family family : {Family::kTcp4, Family::kUnix}) {
    for (const size_t step : {size_t{100'000}, size_t{1000}, size_t{13}, size_t{8}}) {
      SCOPED_TRACE(std::string(Name(family)) + " by " + std::to_string(step));
      events_ = {};
      Capture([&] {
        const Sockets sockets = Connect(family);
        for (size_t at = 0; at < up.size(); at += step) {
          const std::string_view part = std::string_view(up).substr(at, step);
          Send(sockets.client, part);
          Receive(sockets.server, part.size());
        }
      });
      for (const auto* events : {&client().sent, &server().received}) {
        EXPECT_EQ(End::Stream(*events), Copied(up));
        ExpectFramesAt(*events, up);
      }
    }
  }
}

TEST_F(Http2Test, ReadsHeadersThatLieInSeveralBuffers) {
  const std::string up = kOpening + Headers(1, 200) + Data(1, 300) + Headers(1, 20);
  Capture([&] {
    const Sockets sockets = Connect(Family::kTcp4);
    std::vector<iovec> parts;
    for (size_t at = 0; at < up.size();) {
      const size_t size = std::min(at == 0 ? 24 : 1 + parts.size() % 50, up.size() - at);
      parts.push_back({const_cast<char*>(up.data()) + at, size});
      at += size;
    }
    Require(writev(sockets.client, parts.data(), static_cast<int>(parts.size())) == static_cast<long>(up.size()),
            "writev");
    Receive(sockets.server, up.size());
  });
  EXPECT_EQ(End::Stream(client().sent), Copied(up));
  EXPECT_EQ(End::Stream(server().received), Copied(up));
}

TEST_F(Http2Test, KnowsAServerThatSpeaksFirst) {
  const std::string down = Http2Settings(3, 100) + Headers(1, 100) + Data(1, 100);
  Capture([&] {
    const Sockets sockets = Connect(Family::kTcp4);
    Send(sockets.server, down.substr(0, 15));
    Send(sockets.client, kOpening);
    Receive(sockets.server, kOpening.size());
    Receive(sockets.client, 15);
    Send(sockets.server, down.substr(15));
    Receive(sockets.client, down.size() - 15);
  });
  EXPECT_EQ(End::Stream(server().sent), Copied(down));
  EXPECT_EQ(End::Stream(client().received), Copied(down));
  ExpectFramesAt(server().sent, down);
}

TEST_F(Http2Test, WalksManyFramesAndSaysWhenTheyAreTooMany) {
  std::string some = kOpening, many;
  for (uint32_t i = 0; i < 7'000; ++i) some += Headers(2 * i + 1, 10);
  for (uint32_t i = 0; i < 20'000; ++i) many += Headers(2 * i + 20'001, 1);
  const std::string last = Headers(90'001, 50) + Data(90'001, 50);
  Capture([&] {
    const Sockets sockets = Connect(Family::kTcp4);
    for (const std::string* part :
         {static_cast<const std::string*>(&some), static_cast<const std::string*>(&many), &last}) {
      Send(sockets.client, *part);
      Receive(sockets.server, part->size());
    }
  });
  const std::string sent = End::Stream(client().sent);
  ASSERT_EQ(sent.size(), some.size() + many.size() + last.size());
  EXPECT_EQ(sent.substr(0, some.size()), some);
  EXPECT_EQ(sent.substr(some.size(), 1000), many.substr(0, 1000));
  EXPECT_EQ(sent[some.size() + many.size() - 1], '?');
  EXPECT_EQ(sent.substr(some.size() + many.size()), Copied(last));
  EXPECT_GE(ledger_.frames_lost, 1U);
}

// Older than the agent: believed after three sound frames with HEADERS among them.
TEST_F(Http2Test, RecognisesAnOlderConnectionByItsFrames) {
  const std::string request = Headers(1, 40) + Data(1, 60);
  const std::string response = Headers(1, 30) + Data(1, 1000) + Headers(1, 12);
  Sockets sockets;
  Capture(
      [&] {
        for (int i = 0; i < 4; ++i) {
          Send(sockets.client, request);
          Receive(sockets.server, request.size());
          Send(sockets.server, response);
          Receive(sockets.client, response.size());
        }
      },
      [&] {
        sockets = Connect(Family::kTcp4);
        Send(sockets.client, kOpening);
        Receive(sockets.server, kOpening.size());
      });
  ASSERT_EQ(events_.ends.size(), 2U);
  const End &caller = *events_.ends[0], &called = *events_.ends[1];
  const std::string sent = End::Stream(caller.sent);
  ASSERT_EQ(sent.size(), 4 * request.size());
  for (size_t i = 1; i < 4; ++i) EXPECT_EQ(sent.substr(i * request.size(), request.size()), Copied(request)) << i;
  EXPECT_EQ(End::Stream(called.sent).substr(0, response.size()), Copied(response));
  EXPECT_NE(called.sent.front().flags & DATA_FRAME, 0);
  EXPECT_EQ(caller.sent.front().flags & DATA_FRAME, 0);
}

// Read into a buffer that was too small for all of it, as Netty does: the next read begins in the middle of a frame,
// with what no frame begins with.
TEST_F(Http2Test, RecognisesAnOlderConnectionThatIsReadInPieces) {
  const std::string request = Headers(1, 40) + Data(1, 60);
  const std::string response = Headers(1, 30) + Data(1, 10) + Headers(1, 12);
  Sockets sockets;
  Capture(
      [&] {
        for (int i = 0; i < 4; ++i) {
          Send(sockets.client, request);
          Receive(sockets.server, i == 0 ? 20 : request.size());
          if (i == 0) Receive(sockets.server, request.size() - 20);
          Send(sockets.server, response);
          Receive(sockets.client, response.size());
        }
      },
      [&] {
        sockets = Connect(Family::kTcp4);
        Send(sockets.client, kOpening);
        Receive(sockets.server, kOpening.size());
      });
  ASSERT_EQ(events_.ends.size(), 2U);
  const End& called = *events_.ends[1];
  const std::string received = End::Stream(called.received);
  ASSERT_EQ(received.size(), 4 * request.size());
  for (size_t i = 1; i < 4; ++i) EXPECT_EQ(received.substr(i * request.size(), request.size()), Copied(request)) << i;
  EXPECT_EQ(End::Stream(called.sent).substr(0, response.size()), Copied(response));
}

TEST_F(Http2Test, FindsTheFramesAgainAfterBytesThatNobodySaw) {
  const std::string frames = Headers(1, 40) + Data(1, 60);
  Capture([&] {
    const Sockets sockets = Connect(Family::kTcp4);
    Send(sockets.client, kOpening);
    Receive(sockets.server, kOpening.size());
    // A message that is not read but thrown away: its bytes are not in memory.
    Send(sockets.client, frames);
    AwaitBytes(sockets.server, static_cast<int>(frames.size()));
    Require(recv(sockets.server, nullptr, frames.size(), MSG_TRUNC) == static_cast<long>(frames.size()), "truncated");
    Send(sockets.client, frames);
    Receive(sockets.server, frames.size());
  });
  const std::string received = End::Stream(server().received);
  ASSERT_EQ(received.size(), kOpening.size() + 2 * frames.size());
  EXPECT_EQ(received.substr(kOpening.size(), frames.size()), std::string(frames.size(), '?'));
  EXPECT_EQ(received.substr(kOpening.size() + frames.size()), Copied(frames));
  EXPECT_NE(server().received.back().flags & DATA_FRAME, 0);
}

TEST_F(Http2Test, DoesNotBelieveOtherFrames) {
  // yamux: version, type, two of flags, four of stream, four of length.
  const std::string yamux(
      "\0\1\0\1\0\0\0\1\0\0\0\0"
      "\0\0\0\0\0\0\0\1\0\0\0\4data"
      "\0\2\0\1\0\0\0\0\0\0\0\7",
      40);
  Sockets older;
  Capture(
      [&] {
        const Sockets newer = Connect(Family::kTcp4);
        for (const Sockets& sockets : {older, newer}) {
          for (int i = 0; i < 100; ++i) {
            Send(sockets.client, yamux);
            Receive(sockets.server, yamux.size());
            Send(sockets.server, yamux);
            Receive(sockets.client, yamux.size());
          }
        }
      },
      [&] {
        older = Connect(Family::kTcp4);
        Send(older.client, yamux);
        Receive(older.server, yamux.size());
      });
  ASSERT_EQ(events_.ends.size(), 4U);
  for (const auto& end : events_.ends) {
    for (const auto* events : {&end->sent, &end->received}) {
      for (const struct Data& data : *events) EXPECT_EQ(data.flags & DATA_FRAME, 0);
    }
  }
}

TEST_F(Http2Test, FollowsAnUpgrade) {
  const std::string get = "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
  const std::string switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
  const std::string down = Http2Settings(3, 100) + Headers(1, 20) + Data(1, 40);
  Capture([&] {
    const Sockets sockets = Connect(Family::kTcp4);
    const auto move = [](int from, int to, std::string_view bytes) {
      Send(from, bytes);
      Receive(to, bytes.size());
    };
    move(sockets.client, sockets.server, get);
    move(sockets.server, sockets.client, switching);
    move(sockets.server, sockets.client, down);
    move(sockets.client, sockets.server, kOpening);
    move(sockets.server, sockets.client, down);
  });
  EXPECT_EQ(End::Stream(client().sent), get + kOpening);
  EXPECT_EQ(End::Stream(server().sent), switching + Copied(down) + Copied(down));
  EXPECT_EQ(End::Stream(client().received), switching + Copied(down) + Copied(down));
}

}  // namespace
}  // namespace tracelet::testing
