#include "agent/span/propagation.h"

#include <gtest/gtest.h>

namespace tracelet::span {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr std::string_view kSpan = "00f067aa0ba902b7";

std::string W3c(std::string version = "00", std::string tail = "-01") {
  return version + "-" + std::string(kTrace) + "-" + std::string(kSpan) + tail;
}

void ExpectIds(const std::optional<TraceContext>& context, std::string_view trace_id, std::string_view span_id) {
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace_id.Hex(), trace_id);
  EXPECT_EQ(context->parent_id.Hex(), span_id);
}

TEST(ParseContext, NoHeaderIsNoContext) { EXPECT_FALSE(ParseContext({})); }

TEST(ParseContext, ReadsTraceparent) {
  auto context = ParseContext({{"traceparent", W3c()}});
  ExpectIds(context, kTrace, kSpan);
  EXPECT_TRUE(context->sampled);
  EXPECT_FALSE(ParseContext({{"traceparent", W3c("00", "-00")}})->sampled);
  ExpectIds(ParseContext({{"traceparent", " " + W3c() + "\t"}}), kTrace, kSpan);
}

TEST(ParseContext, ReadsLaterVersionsOfTraceparentAsFarAsTheyAreKnown) {
  ExpectIds(ParseContext({{"traceparent", W3c("01")}}), kTrace, kSpan);
  ExpectIds(ParseContext({{"traceparent", W3c("cc", "-01-what-the-future-holds")}}), kTrace, kSpan);
  EXPECT_FALSE(ParseContext({{"traceparent", W3c("cc", "-01x")}}));
  EXPECT_FALSE(ParseContext({{"traceparent", W3c("00", "-01-more")}}));
  EXPECT_FALSE(ParseContext({{"traceparent", W3c("ff")}}));
}

// W3C's own conformance suite (w3c/trace-context, test/test.py) has these.
TEST(ParseContext, RefusesMalformedTraceparent) {
  const std::string zero_trace = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
  const std::string zero_span = "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01";
  const std::string upper = "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01";
  const std::string short_trace = "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01";
  const std::string flags = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-.1";
  const std::string separator = "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01";
  for (const std::string& value : {zero_trace, zero_span, upper, short_trace, flags, separator, W3c("0."),
                                   std::string(), std::string("00"), W3c("00", "-1"), W3c("00", "")}) {
    EXPECT_FALSE(ParseContext({{"traceparent", value}})) << value;
  }
}

TEST(ParseContext, SeveralTraceparentsAreNone) {
  EXPECT_FALSE(ParseContext({{"traceparent", W3c()}, {"traceparent", W3c()}}));
}

TEST(ParseContext, KeepsTraceStateUnchangedAndJoinsSeveral) {
  EXPECT_EQ(ParseContext({{"traceparent", W3c()}, {"tracestate", "rojo=1, congo=t6"}})->trace_state,
            "rojo=1, congo=t6");
  EXPECT_EQ(ParseContext({{"tracestate", "a=1"}, {"traceparent", W3c()}, {"tracestate", ""}, {"tracestate", "b=2"}})
                ->trace_state,
            "a=1,b=2");
  EXPECT_FALSE(ParseContext({{"tracestate", "a=1"}}));
}

TEST(ParseContext, CutsALongTraceStateBetweenMembers) {
  const std::string member = "key=" + std::string(96, 'v');
  std::string state = member;
  for (int i = 0; i < 9; ++i) state += "," + member;
  const std::string kept = ParseContext({{"traceparent", W3c()}, {"tracestate", state}})->trace_state;
  EXPECT_EQ(kept, state.substr(0, 5 * member.size() + 4));
  EXPECT_EQ(ParseContext({{"traceparent", W3c()}, {"tracestate", std::string(600, 'x')}})->trace_state, "");
}

TEST(ParseContext, ReadsB3Single) {
  const std::string ids = std::string(kTrace) + "-" + std::string(kSpan);
  ExpectIds(ParseContext({{"b3", ids}}), kTrace, kSpan);
  ExpectIds(ParseContext({{"b3", "a3ce929d0e0e4736-00f067aa0ba902b7-1"}}), "0000000000000000a3ce929d0e0e4736", kSpan);
  EXPECT_FALSE(ParseContext({{"b3", ids + "-0"}})->sampled);
  EXPECT_TRUE(ParseContext({{"b3", ids + "-d"}})->sampled);
  ExpectIds(ParseContext({{"b3", ids + "-1-05e3ac9a4f6e3b90"}}), kTrace, kSpan);
  for (const std::string& value :
       {std::string("0"), std::string("1"), std::string("d"), ids + "-2", ids + "-1-zz", ids + "-1-05e3ac9a4f6e3b90-9",
        std::string(kTrace), std::string(kTrace) + "-1", "123-" + std::string(kSpan)}) {
    EXPECT_FALSE(ParseContext({{"b3", value}})) << value;
  }
}

TEST(ParseContext, ReadsB3Multi) {
  ExpectIds(ParseContext({{"x-b3-traceid", std::string(kTrace)}, {"x-b3-spanid", std::string(kSpan)}}), kTrace, kSpan);
  const Headers short_id = {
      {"x-b3-spanid", std::string(kSpan)}, {"x-b3-traceid", "a3ce929d0e0e4736"}, {"x-b3-sampled", "0"}};
  ExpectIds(ParseContext(short_id), "0000000000000000a3ce929d0e0e4736", kSpan);
  EXPECT_FALSE(ParseContext(short_id)->sampled);
  Headers debug = short_id;
  debug.emplace_back("x-b3-flags", "1");
  EXPECT_TRUE(ParseContext(debug)->sampled);
  EXPECT_FALSE(ParseContext({{"x-b3-traceid", std::string(kTrace)}}));
  EXPECT_FALSE(ParseContext({{"x-b3-sampled", "1"}}));
  Headers twice = short_id;
  twice.emplace_back("x-b3-traceid", "a3ce929d0e0e4737");
  EXPECT_FALSE(ParseContext(twice));
}

TEST(ParseContext, ReadsUberTraceId) {
  ExpectIds(ParseContext({{"uber-trace-id", std::string(kTrace) + ":" + std::string(kSpan) + ":0:1"}}), kTrace, kSpan);
  ExpectIds(ParseContext({{"uber-trace-id", "abc%3Ade%3a0%3A3"}}), "00000000000000000000000000000abc",
            "00000000000000de");
  EXPECT_FALSE(ParseContext({{"uber-trace-id", "abc:de:0:0"}})->sampled);
  for (const char* value : {"abc:de:0", "abc:de:0:1:1", "0:de:0:1", "abc:0:0:1", "abc:xy:0:1", "abc:de:0:", "abc::0:1",
                            "abc:de:0:fff", "1abcdef0123456789abcdef0123456789ab:1:0:1", "abc:10123456789abcdef:0:1"}) {
    EXPECT_FALSE(ParseContext({{"uber-trace-id", value}})) << value;
  }
}

TEST(ParseContext, TakesTheFirstValidFormat) {
  const std::pair<std::string, std::string> uber = {"uber-trace-id", "abc:de:0:1"};
  const std::pair<std::string, std::string> b3 = {"b3", "a3ce929d0e0e4736-00f067aa0ba902b7-1"};
  ExpectIds(ParseContext({uber, b3, {"traceparent", W3c()}}), kTrace, kSpan);
  ExpectIds(ParseContext({uber, b3}), "0000000000000000a3ce929d0e0e4736", kSpan);
  ExpectIds(ParseContext({uber, {"traceparent", "rubbish"}}), "00000000000000000000000000000abc", "00000000000000de");
}

}  // namespace
}  // namespace tracelet::span
