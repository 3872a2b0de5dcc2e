#include "agent/cli/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace tracelet::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Options Parsed(const std::vector<std::string>& args) {
  auto parsed = ParseOptions(args);
  if (const auto* exit = std::get_if<Exit>(&parsed)) {
    ADD_FAILURE() << exit->text;
    return {};
  }
  return std::get<Options>(std::move(parsed));
}

Exit Refused(const std::vector<std::string>& args) {
  auto parsed = ParseOptions(args);
  if (!std::holds_alternative<Exit>(parsed)) {
    ADD_FAILURE() << "accepted";
    return {};
  }
  return std::get<Exit>(std::move(parsed));
}

TEST(ParseOptions, RunTakesEverythingOnce) {
  const Options options = Parsed({"run", "--exe", "*/nginx", "--port", "8080", "--cgroup", "/sys", "--netns",
                                  "/proc/self/ns/net", "--format", "json", "--record", "x.trc", "--duration", "1.5"});
  EXPECT_EQ(options.command, Command::kRun);
  EXPECT_EQ(options.format, Format::kJson);
  EXPECT_EQ(options.record_file, "x.trc");
  EXPECT_EQ(options.duration, std::chrono::milliseconds(1500));
  EXPECT_THAT(options.config.selector.exes, ElementsAre("*/nginx"));
  EXPECT_THAT(options.config.selector.ports, ElementsAre(8080));
  EXPECT_EQ(options.config.selector.cgroup, "/sys");
  EXPECT_EQ(options.config.selector.netns, "/proc/self/ns/net");
}

TEST(ParseOptions, RepeatsAddUp) {
  const std::string self = std::to_string(getpid());
  const Options options = Parsed({"run", "--pid", self, "--pid", "1", "--port", "80", "--port=443"});
  EXPECT_THAT(options.config.selector.pids, ElementsAre(getpid(), 1));
  EXPECT_THAT(options.config.selector.ports, ElementsAre(80, 443));
}

TEST(ParseOptions, TheCommandKeepsItsOwnOptions) {
  const Options options = Parsed({"run", "--port", "80", "--", "curl", "--format", "x", "--", "-v"});
  EXPECT_THAT(options.program, ElementsAre("curl", "--format", "x", "--", "-v"));
  EXPECT_EQ(options.format, Format::kTree);
}

TEST(ParseOptions, Replay) {
  const Options options = Parsed({"replay", "/proc/self/exe", "--format", "json"});
  EXPECT_EQ(options.command, Command::kReplay);
  EXPECT_EQ(options.replay_file, "/proc/self/exe");
  EXPECT_EQ(options.format, Format::kJson);
}

TEST(ParseOptions, Check) { EXPECT_EQ(Parsed({"check"}).command, Command::kCheck); }

TEST(ParseOptions, HelpAndVersionAreNoMistakes) {
  EXPECT_EQ(Refused({"--help"}).status, 0);
  EXPECT_THAT(Refused({"--help"}).text, HasSubstr("Examples:"));
  EXPECT_EQ(Refused({"run", "--help"}).status, 0);
  EXPECT_THAT(Refused({"run", "--help"}).text, HasSubstr("--record"));
  EXPECT_EQ(Refused({"--version"}).status, 0);
  EXPECT_THAT(Refused({"--version"}).text, HasSubstr("tracelet 0."));
}

struct Wrong {
  std::vector<std::string> args;
  std::string says;
};

TEST(ParseOptions, MistakesNameTheirCause) {
  const std::vector<Wrong> wrongs = {
      {{}, "subcommand"},
      {{"trace"}, "trace"},
      {{"run", "--port", "0"}, "--port"},
      {{"run", "--port", "65536"}, "--port"},
      {{"run", "--port", "80", "81"}, "81"},
      {{"run", "--port", "http"}, "--port"},
      {{"run", "--pid", "0"}, "--pid"},
      {{"run", "--pid", "-1"}, "--pid"},
      {{"run", "--pid", "4194303"}, "there is no process 4194303"},
      {{"run", "--cgroup", "/no/such"}, "/no/such"},
      {{"run", "--netns", "/no/such"}, "/no/such"},
      {{"run", "--format", "xml"}, "--format"},
      {{"run", "--format", "0"}, "--format"},
      {{"run", "--duration", "0"}, "--duration"},
      {{"run", "--duration", "soon"}, "--duration"},
      {{"run", "--record"}, "--record"},
      {{"run", "--"}, "a command is missing"},
      {{"run", "--pid", "1", "--", "true"}, "exclude each other"},
      {{"check", "--", "true"}, "only `run`"},
      {{"replay"}, "FILE"},
      {{"replay", "/no/such"}, "/no/such"},
  };
  for (const Wrong& wrong : wrongs) {
    const Exit exit = Refused(wrong.args);
    EXPECT_EQ(exit.status, kUsageError) << wrong.says;
    EXPECT_THAT(exit.text, HasSubstr(wrong.says));
  }
  std::vector<std::string> ports = {"run"};
  for (int i = 1; i <= 9; ++i) ports.insert(ports.end(), {"--port", std::to_string(i)});
  EXPECT_THAT(Refused(ports).text, HasSubstr("at most 8"));
}

TEST(ParseOptions, RunSendsToCollectors) {
  const Options grpc = Parsed({"run", "--otlp", "c:4317", "--jaeger", "dns:///c:14250"});
  EXPECT_THAT(grpc.config.exporter.otlp.endpoints, ElementsAre("c:4317"));
  EXPECT_EQ(grpc.config.exporter.otlp.protocol, "grpc");
  EXPECT_THAT(grpc.config.exporter.jaeger.endpoints, ElementsAre("dns:///c:14250"));
  EXPECT_EQ(Parsed({"run", "--otlp", "http://c:4318"}).config.exporter.otlp.protocol, "http");
  EXPECT_THAT(Refused({"run", "--otlp", "nowhere"}).text, HasSubstr("\"nowhere\", which is not HOST:PORT"));
  EXPECT_THAT(Refused({"run", "--jaeger", "http://c:14250"}).text, HasSubstr("which is not HOST:PORT"));
}

TEST(ParseOptions, AgentAndConfig) {
  EXPECT_EQ(Parsed({"agent"}).command, Command::kAgent);
  EXPECT_EQ(Parsed({"agent", "--config", "/dev/null"}).config_file, "/dev/null");
  EXPECT_EQ(Refused({"agent", "--config", "/nonexistent"}).status, kUsageError);
  EXPECT_EQ(Parsed({"config", "--print-default"}).command, Command::kPrintConfig);
  EXPECT_EQ(Parsed({"config", "--check", "x.toml"}).command, Command::kCheckConfig);
  EXPECT_EQ(Parsed({"config", "--check", "x.toml"}).config_file, "x.toml");
  EXPECT_EQ(Refused({"config"}).status, kUsageError);
  EXPECT_EQ(Refused({"config", "--print-default", "--check", "x"}).status, kUsageError);
}

}  // namespace
}  // namespace tracelet::cli
