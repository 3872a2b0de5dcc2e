#include "exporter/json/json_lines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/unit/exporter/spans.h"

namespace tracelet::exporter {
namespace {

std::string Line(const span::Span& span) {
  TextBlock text;
  AppendJsonLine(span, RenderProcessAttributes(*span.process, "node-1"), text);
  return std::string(text.view());
}

TEST(JsonLines, TheWholeLine) {
  auto span = Client(0xb7ad6b7169203331, 0xc1, "shop", 0, 12);
  span->name = "GET /orders/{id}";
  span->process = Process("shop", 4121, std::string(64, 'c'));
  EXPECT_EQ(
      Line(*span),
      R"({"trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331",)"
      R"("parent_span_id":"00000000000000c1","kind":"client","name":"GET /orders/{id}","service":"shop","pid":4121,)"
      R"("start_unix_nano":1700049600000000000,"end_unix_nano":1700049600012000000,"status":"unset",)"
      R"("attributes":{"http.request.method":"GET","http.response.status_code":200,"tracelet.link":"thread",)"
      R"("host.name":"node-1","process.executable.path":"/usr/bin/shop","process.executable.name":"shop",)"
      R"("container.id":"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",)"
      R"("process.parent_pid":1,"process.pid":4121},"links":[]})"
      "\n");
}

TEST(JsonLines, RefusalsCarryTheirReasonAndCandidates) {
  auto span = Client(2, 0, "shop", 0, 1);
  span->refused = span::LinkRefusal::kAmbiguous;
  span->links = {{span->trace_id, {7}}, {span->trace_id, {8}}};
  const auto json = nlohmann::json::parse(Line(*span));
  EXPECT_EQ(json["parent_span_id"].get<std::string>(), "");
  EXPECT_EQ(json["attributes"]["tracelet.link.refused"].get<std::string>(), "ambiguous");
  EXPECT_FALSE(json["attributes"].contains("tracelet.link"));
  ASSERT_EQ(json["links"].size(), 2U);
  EXPECT_EQ(json["links"][1]["span_id"].get<std::string>(), "0000000000000008");
  EXPECT_EQ(json["links"][1]["trace_id"].get<std::string>(), "0af7651916cd43dd8448eb211c80319c");
}

TEST(JsonLines, AnyBytesGiveOneValidLine) {
  auto span = Server(1, 0, "shop", 0, 1);
  std::string every;
  for (int byte = 0; byte < 256; ++byte) every += static_cast<char>(byte);
  span->name = every;
  span->trace_state = "vendor=\"x\"";
  span->attributes = {{"text", every}, {"real", 0.5}, {"nan", std::nan("")}, {"flag", true}, {"low", INT64_MIN}};
  auto process = *span->process;
  process.service_name = "caf\xc3\xa9\n";
  process.resource_attributes = {"team=a\"b", "=none", "no-equals", "host.name=liar", "process.pid=1"};
  span->process = std::make_shared<process::ProcessInfo>(process);
  const std::string line = Line(*span);
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["name"].get<std::string>().substr(0, 128), every.substr(0, 128));
  EXPECT_EQ(json["service"].get<std::string>(), "caf\xc3\xa9\n");
  EXPECT_EQ(json["trace_state"].get<std::string>(), "vendor=\"x\"");
  EXPECT_EQ(json["attributes"]["real"].get<double>(), 0.5);
  EXPECT_TRUE(json["attributes"]["nan"].is_null());
  EXPECT_EQ(json["attributes"]["flag"].get<bool>(), true);
  EXPECT_EQ(json["attributes"]["low"].get<int64_t>(), INT64_MIN);
  EXPECT_EQ(json["attributes"]["team"].get<std::string>(), "a\"b");
  EXPECT_EQ(json["attributes"]["host.name"].get<std::string>(), "node-1");
  EXPECT_EQ(json["attributes"]["process.pid"].get<int64_t>(), 4004);
}

TEST(JsonLines, NumbersAreTheShortestThatMeanTheSame) {
  auto span = Server(1, 0, "shop", 0, 1);
  const std::pair<double, std::string> cases[] = {
      {0.0, "0"},
      {3.0, "3"},
      {1e-4, "0.0001"},
      {1.1553e-5, "0.000011553"},
      {1e-9, "0.000000001"},
      {0.25, "0.25"},
      {99999.000000001, "99999.000000001"},
      {1e5, "1e+05"},
      {1e-12, "1e-12"},
      {-0.5, "-0.5"},
      {0.1 + 0.2, "0.30000000000000004"},
  };
  for (const auto& [value, text] : cases) {
    span->attributes = {{"real", value}};
    EXPECT_NE(Line(*span).find("\"real\":" + text + ","), std::string::npos) << text;
  }
  for (uint64_t nanoseconds = 1; nanoseconds < 100'000'000'000'000; nanoseconds += nanoseconds / 7 + 1) {
    const double seconds = static_cast<double>(nanoseconds) / 1e9;
    span->attributes = {{"real", seconds}};
    EXPECT_EQ(nlohmann::json::parse(Line(*span))["attributes"]["real"].get<double>(), seconds) << nanoseconds;
  }
}

TEST(JsonLines, EveryByteAtEveryPlaceIsRight) {
  auto span = Server(1, 0, "shop", 0, 1);
  for (size_t size = 1; size <= 40; ++size) {
    for (size_t at = 0; at < size; ++at) {
      for (const char byte : {'"', '\\', '\x1f', '\x01', '\0', ' ', '!', '#', '[', ']', '\x7f', '~'}) {
        span->name = std::string(size, 'a');
        span->name[at] = byte;
        EXPECT_EQ(nlohmann::json::parse(Line(*span))["name"].get<std::string>(), span->name);
      }
    }
  }
}

}  // namespace
}  // namespace tracelet::exporter
