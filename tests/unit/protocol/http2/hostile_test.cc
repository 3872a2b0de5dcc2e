// Frames that no endpoint should send, by the sections of RFC 9113 and RFC 7541 that h2spec walks through. The other
// requests of the connection are told as they were: with their own path and status, or without what is not known any
// more. And nghttp2's own corpus (h2spec and nghttp against nghttpd), with libnghttp2's server as the judge of what was
// asked.
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <ostream>
#include <vector>

#include "tests/unit/protocol/http2/wire.h"

namespace tracelet::protocol::http2 {
namespace {

using testing::Http2Goaway;
using testing::Http2Reset;
using testing::Http2Settings;

constexpr uint32_t kBefore = 1;    // a stream that is open meanwhile
constexpr uint32_t kHostile = 11;  // the stream that is badly used
constexpr uint32_t kAfter = 101;

// What becomes of requests on the same connection that come later.
enum class Later : uint8_t {
  kKnown,    // an endpoint goes on: so does the parser
  kCareful,  // an endpoint ends the connection: they may be unknown, never wrong
};

struct Case {
  const char* section;
  const char* what;
  Later later;
  std::function<std::string(Wire&)> bytes;
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.section << " " << one.what; }

std::string Bytes(std::initializer_list<int> values) {
  std::string bytes;
  for (const int value : values) bytes.push_back(static_cast<char>(value));
  return bytes;
}

std::string Raw(uint8_t type, uint8_t flags, uint32_t id, std::string_view payload) {
  return Http2Frame(type, flags, id, payload);
}

// A block that needs no table: GET http /hostile.
std::string Block() { return Bytes({0x82, 0x86, 0x04, 0x08}) + "/hostile" + Bytes({0x01, 0x01}) + "h"; }
std::string Literal(std::string_view name, std::string_view value) {
  std::string bytes(1, '\0');
  for (const std::string_view text : {name, value}) bytes += static_cast<char>(text.size()) + std::string(text);
  return bytes;
}
std::string Ask(std::string_view block, uint8_t flags = kEndHeaders | kEndStream, uint32_t id = kHostile) {
  return Raw(kHeaders, flags, id, block);
}
std::string AskWith(std::string_view fields) { return Ask(Block() + std::string(fields)); }
std::string Ping(std::string_view payload, uint32_t id = 0) { return Raw(kPing, 0, id, payload); }
std::string Window(uint32_t id, std::initializer_list<int> increment) {
  return Raw(kWindowUpdate, 0, id, Bytes(increment));
}
std::string Data(uint32_t id, uint8_t flags = 0, std::string_view bytes = "test") {
  return Raw(kData, flags, id, bytes);
}

template <typename Make>
std::function<std::string(Wire&)> Plain(Make make) {
  return [make](Wire&) { return std::string(make()); };
}
#define BYTES(expression) Plain([] { return expression; })

const std::vector<Case>& FrameCases() {
  static const std::vector<Case> cases = {
      {"4.1", "unknown type", Later::kKnown, BYTES(Raw(0xff, 0, 0, "12345678"))},
      {"4.1", "undefined flags", Later::kKnown, BYTES(Raw(kPing, 0x16, 0, "12345678"))},
      {"4.1", "reserved bit", Later::kKnown, BYTES(Raw(kPing, 0, 0x80000000, "12345678"))},
      {"4.2", "DATA too long", Later::kKnown, BYTES(Ask(Block(), kEndHeaders) + Data(kHostile, kEndStream, std::string(16'385, 'd')))},
      {"4.2", "HEADERS too long", Later::kCareful, BYTES(Ask(Block() + Literal("x", std::string(100, 'v')) + std::string(16'385, 0)))},
      {"4.2", "unknown type, too long", Later::kKnown, BYTES(Raw(0xff, 0, 0, std::string(16'385, 'u')))},
      {"4.3", "block is no HPACK", Later::kCareful, BYTES(Ask(Bytes({0x40})))},
      {"4.3", "PRIORITY within a block", Later::kCareful,
       BYTES(Ask(Block(), 0) + Raw(kPriority, 0, kHostile, Bytes({0, 0, 0, 0, 255})) + Raw(kContinuation, kEndHeaders, kHostile, ""))},
      {"4.3", "HEADERS of another stream within a block", Later::kCareful, BYTES(Ask(Block(), 0) + Ask(Block(), kEndHeaders, kHostile + 2))},
      {"5.1", "DATA, idle", Later::kKnown, BYTES(Data(kHostile, kEndStream))},
      {"5.1", "RST_STREAM, idle", Later::kKnown, BYTES(Http2Reset(kHostile, 8))},
      {"5.1", "WINDOW_UPDATE, idle", Later::kKnown, BYTES(Window(kHostile, {0, 0, 0, 100}))},
      {"5.1", "CONTINUATION, idle", Later::kCareful, BYTES(Raw(kContinuation, kEndHeaders, kHostile, Block()))},
      {"5.1", "DATA, half closed", Later::kKnown, BYTES(Ask(Block()) + Data(kHostile, kEndStream))},
      {"5.1", "HEADERS, half closed", Later::kKnown, BYTES(Ask(Block()) + Ask(Block()))},
      {"5.1", "CONTINUATION, half closed", Later::kCareful, BYTES(Ask(Block()) + Raw(kContinuation, kEndHeaders, kHostile, Block()))},
      {"5.1", "DATA, closed by a reset", Later::kKnown, BYTES(Ask(Block(), kEndHeaders) + Http2Reset(kHostile, 8) + Data(kHostile))},
      {"5.1", "HEADERS, closed by a reset", Later::kCareful, BYTES(Ask(Block(), kEndHeaders) + Http2Reset(kHostile, 8) + Ask(Block()))},
      {"5.1.1", "even stream", Later::kKnown, BYTES(Ask(Block(), kEndHeaders | kEndStream, 12))},
      {"5.1.1", "lower stream", Later::kCareful, BYTES(Ask(Block()) + Ask(Block(), kEndHeaders | kEndStream, kHostile - 6))},
      {"5.3.1", "HEADERS depends on itself", Later::kKnown,
       BYTES(Raw(kHeaders, kEndHeaders | kEndStream | kHasPriority, kHostile, Bytes({0, 0, 0, 11, 255}) + Block()))},
      {"5.3.1", "PRIORITY depends on itself", Later::kKnown, BYTES(Raw(kPriority, 0, kHostile, Bytes({0, 0, 0, 11, 255})))},
      {"5.4.1", "frames after an error", Later::kCareful, BYTES(Ping("123456") + Ask(Block()))},
      {"5.5", "unknown type within a block", Later::kCareful, BYTES(Ask(Block(), 0) + Raw(0xff, 0, 0, "12345678"))},
      {"6.1", "DATA, stream 0", Later::kCareful, BYTES(Data(0))},
      {"6.1", "DATA, too much padding", Later::kCareful, BYTES(Ask(Block(), kEndHeaders) + Data(kHostile, kPadded, Bytes({6}) + "Test"))},
      {"6.1", "DATA, no pad length", Later::kCareful, BYTES(Ask(Block(), kEndHeaders) + Data(kHostile, kPadded, ""))},
      {"6.2", "HEADERS, stream 0", Later::kCareful, BYTES(Ask(Block(), kEndHeaders, 0))},
      {"6.2", "HEADERS, too much padding", Later::kCareful, BYTES(Ask(Bytes({200}) + Block(), kEndHeaders | kEndStream | kPadded))},
      {"6.2", "HEADERS, priority cut", Later::kCareful, BYTES(Ask(Bytes({0, 0}), kEndHeaders | kHasPriority))},
      {"6.3", "PRIORITY, stream 0", Later::kCareful, BYTES(Raw(kPriority, 0, 0, Bytes({0, 0, 0, 0, 255})))},
      {"6.3", "PRIORITY, length", Later::kKnown, BYTES(Raw(kPriority, 0, kHostile, Bytes({0, 0, 0, 1})))},
      {"6.4", "RST_STREAM, stream 0", Later::kCareful, BYTES(Http2Reset(0, 8))},
      {"6.4", "RST_STREAM, length", Later::kCareful, BYTES(Ask(Block(), kEndHeaders) + Raw(kRstStream, 0, kHostile, Bytes({0, 0, 0})))},
      {"6.5", "SETTINGS, ACK with settings", Later::kKnown, BYTES(Raw(kSettings, kAck, 0, std::string(6, '\0')))},
      {"6.5", "SETTINGS, stream", Later::kCareful, BYTES(Raw(kSettings, 0, kHostile, Bytes({0, 3, 0, 0, 0, 100})))},
      {"6.5", "SETTINGS, length", Later::kCareful, BYTES(Raw(kSettings, 0, 0, Bytes({0, 3, 0})))},
      {"6.5.2", "ENABLE_PUSH 2", Later::kKnown, BYTES(Http2Settings(2, 2))},
      {"6.5.2", "INITIAL_WINDOW_SIZE too large", Later::kKnown, BYTES(Http2Settings(4, 0x80000000))},
      {"6.5.2", "MAX_FRAME_SIZE too small", Later::kKnown, BYTES(Http2Settings(5, 1))},
      {"6.5.2", "MAX_FRAME_SIZE too large", Later::kKnown, BYTES(Http2Settings(5, 0x01000000))},
      {"6.5.2", "unknown setting", Later::kKnown, BYTES(Http2Settings(0xff, 1))},
      {"6.5.3", "one setting twice", Later::kKnown, BYTES(Raw(kSettings, 0, 0, Bytes({0, 4, 0, 0, 0, 100, 0, 4, 0, 0, 0, 1})))},
      {"6.6", "PUSH_PROMISE of a client", Later::kKnown, BYTES(Raw(kPushPromise, kEndHeaders, kBefore, Bytes({0, 0, 0, 2}) + Block()))},
      {"6.6", "PUSH_PROMISE, cut", Later::kCareful, BYTES(Raw(kPushPromise, kEndHeaders, kBefore, Bytes({0, 0})))},
      {"6.7", "PING, ACK", Later::kKnown, BYTES(Raw(kPing, kAck, 0, "invalid1"))},
      {"6.7", "PING, stream", Later::kCareful, BYTES(Ping("12345678", kHostile))},
      {"6.7", "PING, length", Later::kCareful, BYTES(Ping("123456"))},
      {"6.8", "GOAWAY, stream", Later::kCareful, BYTES(Raw(kGoaway, 0, kHostile, std::string(8, '\0')))},
      {"6.8", "GOAWAY, cut", Later::kCareful, BYTES(Raw(kGoaway, 0, 0, std::string(4, '\0')))},
      {"6.9", "WINDOW_UPDATE, 0", Later::kKnown, BYTES(Window(0, {0, 0, 0, 0}))},
      {"6.9", "WINDOW_UPDATE, 0, stream", Later::kKnown, BYTES(Ask(Block(), kEndHeaders) + Window(kHostile, {0, 0, 0, 0}))},
      {"6.9", "WINDOW_UPDATE, length", Later::kCareful, BYTES(Window(0, {0, 0, 1}))},
      {"6.9.1", "WINDOW_UPDATE, overflow", Later::kKnown, BYTES(Window(0, {0x7f, 255, 255, 255}) + Window(0, {0x7f, 255, 255, 255}))},
      {"6.10", "CONTINUATIONs", Later::kKnown,
       BYTES(Ask(Block(), kEndStream) + Raw(kContinuation, 0, kHostile, Literal("x", "1")) + Raw(kContinuation, kEndHeaders, kHostile, Literal("y", "2")))},
      {"6.10", "CONTINUATION after the block's end", Later::kCareful, BYTES(Ask(Block()) + Raw(kContinuation, kEndHeaders, kHostile, Literal("x", "1")))},
      {"6.10", "CONTINUATION, stream 0", Later::kCareful, BYTES(Ask(Block(), 0) + Raw(kContinuation, kEndHeaders, 0, Literal("x", "1")))},
      {"6.10", "CONTINUATION after DATA", Later::kCareful,
       BYTES(Ask(Block(), kEndHeaders) + Data(kHostile) + Raw(kContinuation, kEndHeaders, kHostile, Literal("x", "1")))},
      {"6.10", "a thousand empty CONTINUATIONs", Later::kKnown, [](Wire&) {
         std::string bytes = Ask(Block(), kEndStream);
         for (int i = 0; i < 1000; ++i) bytes += Raw(kContinuation, 0, kHostile, "");
         return bytes + Raw(kContinuation, kEndHeaders, kHostile, "");
       }},
      {"7", "RST_STREAM, unknown code", Later::kKnown, BYTES(Ask(Block(), kEndHeaders) + Http2Reset(kHostile, 0xff))},
      {"7", "GOAWAY, unknown code", Later::kKnown, BYTES(Http2Goaway(0, 0xff))},
  };
  return cases;
}

const std::vector<Case>& MessageCases() {
  static const std::vector<Case> cases = {
      {"8.1", "second HEADERS without END_STREAM", Later::kKnown,
       BYTES(Ask(Block(), kEndHeaders) + Ask(Literal("x", "1"), kEndHeaders))},
      {"8.1.2", "upper case", Later::kKnown, BYTES(AskWith(Literal("X-TEST", "ok")))},
      {"8.1.2.1", "unknown pseudo field", Later::kKnown, BYTES(AskWith(Literal(":test", "ok")))},
      {"8.1.2.1", "field of responses", Later::kCareful, BYTES(AskWith(Literal(":status", "200")))},
      {"8.1.2.1", "pseudo field as trailer", Later::kKnown,
       BYTES(Ask(Block(), kEndHeaders) + Data(kHostile) + Ask(Literal(":method", "200")))},
      {"8.1.2.1", "pseudo field after others", Later::kKnown,
       BYTES(AskWith(Literal("x", "1") + Literal(":authority", "other")))},
      {"8.1.2.2", "connection", Later::kKnown, BYTES(AskWith(Literal("connection", "keep-alive")))},
      {"8.1.2.2", "te", Later::kKnown, BYTES(AskWith(Literal("te", "trailers, deflate")))},
      {"8.1.2.3", "empty :path", Later::kKnown, BYTES(Ask(Bytes({0x82, 0x86}) + Literal(":path", "")))},
      {"8.1.2.3", "no :method", Later::kKnown, BYTES(Ask(Bytes({0x86}) + Literal(":path", "/hostile")))},
      {"8.1.2.3", "no :scheme", Later::kKnown, BYTES(Ask(Bytes({0x82}) + Literal(":path", "/hostile")))},
      {"8.1.2.3", "no :path", Later::kKnown, BYTES(Ask(Bytes({0x82, 0x86})))},
      {"8.1.2.3", "two :method", Later::kKnown, BYTES(AskWith(Bytes({0x83})))},
      {"8.1.2.3", "two :path", Later::kKnown, BYTES(AskWith(Literal(":path", "/hostile")))},
      {"8.1.2.6", "content-length", Later::kKnown,
       BYTES(Ask(Block() + Literal("content-length", "1"), kEndHeaders) + Data(kHostile, kEndStream))},
      {"HPACK 2.3.3", "index beyond the table", Later::kCareful, BYTES(AskWith(Bytes({0xff, 0x80, 0x04})))},
      {"HPACK 2.3.3", "name's index beyond the table", Later::kCareful,
       BYTES(AskWith(Bytes({0x7f, 0x80, 0x04, 0x01, 'x'})))},
      {"HPACK 4.2", "table size at a block's end", Later::kCareful, BYTES(AskWith(Bytes({0x20})))},
      {"HPACK 5.1", "endless integer", Later::kCareful,
       BYTES(AskWith(Bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})))},
      {"HPACK 5.2", "Huffman padding of a byte", Later::kCareful,
       BYTES(AskWith(Bytes({0x00, 0x85, 0xf2, 0xb2, 0x4a, 0x84, 0xff, 0x84, 0x49, 0x50, 0x9f, 0xff})))},
      {"HPACK 5.2", "Huffman padding of zeros", Later::kCareful,
       BYTES(AskWith(Bytes({0x00, 0x85, 0xf2, 0xb2, 0x4a, 0x84, 0xff, 0x83, 0x49, 0x50, 0x90})))},
      {"HPACK 5.2", "EOS in a string", Later::kCareful,
       BYTES(
           AskWith(Bytes({0x00, 0x85, 0xf2, 0xb2, 0x4a, 0x84, 0xff, 0x87, 0x49, 0x51, 0xff, 0xff, 0xff, 0xfa, 0x7f})))},
      {"HPACK 5.2", "string longer than its block", Later::kCareful, BYTES(AskWith(Bytes({0x00, 0x7f, 0x7f, 'x'})))},
      {"HPACK 6.1", "index 0", Later::kCareful, BYTES(AskWith(Bytes({0x80})))},
      {"HPACK 6.3", "table larger than SETTINGS allow", Later::kCareful,
       BYTES(Ask(Bytes({0x3f, 0xe1, 0xff, 0x03}) + Block()))},
  };
  return cases;
}

class HostileTest : public ::testing::TestWithParam<Case> {};

TEST_P(HostileTest, HarmsNoOtherRequest) {
  const Case& one = GetParam();
  for (const size_t step : {size_t{1} << 20, size_t{9}, size_t{1}}) {
    Wire wire;
    wire.Open();
    wire.Request(wire.client.Headers(kBefore, GetFields("/before"), true));
    const std::string hostile = one.bytes(wire);
    for (size_t at = 0; at < hostile.size(); at += step)
      wire.Event(Direction::kReceive, std::string_view(hostile).substr(at, step), std::string_view::npos, at == 0);
    wire.Request(wire.client.Headers(kAfter, GetFields("/after"), true));
    wire.Response(wire.server.Headers(kBefore, {{":status", "201"}}, true));
    wire.Response(wire.server.Headers(kAfter, {{":status", "202"}}, true));
    wire.parser.OnClose(++wire.now, 0);
    ASSERT_EQ(wire.exchanges.size(), wire.requests.size()) << "each request ends once";
    ASSERT_FALSE(wire.parser.NotMine());

    std::map<uint32_t, const Exchange*> found;
    for (const Exchange& exchange : wire.exchanges) EXPECT_TRUE(found.emplace(exchange.stream_id, &exchange).second);
    ASSERT_TRUE(found.contains(kBefore));
    EXPECT_EQ(found[kBefore]->target, "/before");
    EXPECT_EQ(found[kBefore]->status, 201);
    EXPECT_TRUE(one.later == Later::kCareful || found.contains(kAfter));
    for (const auto& [id, exchange] : found) {
      const std::string path = id == kBefore ? "/before" : id == kAfter ? "/after" : "/hostile";
      EXPECT_TRUE(exchange->target == path ||
                  (exchange->target.empty() && (id == kHostile || !exchange->unknown.empty())))
          << exchange->target;
      EXPECT_TRUE(id == kBefore || exchange->status == (id == kAfter ? 202 : 0) || exchange->status == 0)
          << exchange->status;
    }
    if (one.later == Later::kKnown) {
      EXPECT_EQ(found[kAfter]->target, "/after");
      EXPECT_EQ(found[kAfter]->status, 202);
      EXPECT_EQ(found[kAfter]->unknown, "");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Frames, HostileTest, ::testing::ValuesIn(FrameCases()));
INSTANTIATE_TEST_SUITE_P(Messages, HostileTest, ::testing::ValuesIn(MessageCases()));

// RFC 9113 §3.4
TEST(Hostile, APrefaceThatIsNoneIsNotHttp2) {
  Wire wire;
  wire.Event(Direction::kReceive, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r!");
  EXPECT_TRUE(wire.parser.NotMine());
}

// --- nghttp2's corpus

// What libnghttp2's server understands of a client's bytes: paths by stream, of requests whose fields are all well.
struct Judge {
  std::map<uint32_t, std::string> begun;
  std::map<uint32_t, std::string> paths;
};

int NoteField(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size, const uint8_t* value,
              size_t value_size, uint8_t, void* judge) {
  const auto* const path = reinterpret_cast<const char*>(value);
  if (std::string_view(reinterpret_cast<const char*>(name), name_size) == ":path")
    static_cast<Judge*>(judge)->begun[static_cast<uint32_t>(frame->hd.stream_id)].assign(path, value_size);
  return 0;
}

int NoteFrame(nghttp2_session*, const nghttp2_frame* frame, void* judge) {
  auto& [begun, paths] = *static_cast<Judge*>(judge);
  if (frame->hd.type == NGHTTP2_HEADERS) paths.merge(begun);
  return 0;
}

std::map<uint32_t, std::string> AskNghttp2(std::string_view bytes) {
  Judge judge;
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, NoteField);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, NoteFrame);
  nghttp2_session* session = nullptr;
  nghttp2_session_server_new(&session, callbacks, &judge);
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, nullptr, 0);  // which the client's bytes acknowledge
  nghttp2_session_mem_recv(session, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  nghttp2_session_del(session);
  nghttp2_session_callbacks_del(callbacks);
  return judge.paths;
}

TEST(Hostile, AsksWhatNghttp2UnderstandsOfItsCorpus) {
  size_t files = 0, asked = 0;
  for (const auto& file :
       std::filesystem::recursive_directory_iterator(TRACELET_SOURCE_DIR "/tests/fuzz/corpus/http2/nghttp2")) {
    if (!file.is_regular_file() || file.path().filename().string().size() < 40) continue;  // named by their hash
    std::ifstream in(file.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    std::map<uint32_t, std::string> judged = AskNghttp2(bytes);
    for (const size_t step : {bytes.size(), size_t{100}, size_t{7}}) {
      SCOPED_TRACE(file.path().filename().string() + " by " + std::to_string(step));
      Wire wire;
      for (size_t at = 0; at < bytes.size(); at += step)
        wire.Event(Direction::kReceive, std::string_view(bytes).substr(at, step));
      std::map<uint32_t, std::string> told;
      for (const Exchange& request : wire.requests) EXPECT_TRUE(told.emplace(request.stream_id, request.target).second);
      for (const auto& [id, path] : judged) EXPECT_EQ(told[id], path) << "stream " << id;
      wire.parser.OnClose(++wire.now, 0);
      EXPECT_EQ(wire.exchanges.size(), wire.requests.size());
      for (const Exchange& exchange : wire.exchanges) EXPECT_EQ(exchange.status, 0);
    }
    ++files;
    asked += judged.size();
  }
  EXPECT_EQ(files, 136U);
  EXPECT_GT(asked, 100U);
}

}  // namespace
}  // namespace tracelet::protocol::http2
