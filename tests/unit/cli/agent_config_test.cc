#include "agent/cli/agent_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "config/toml.h"

namespace tracelet::cli {
namespace {

Result<config::Config> Of(const std::vector<std::string>& args) {
  auto parsed = ParseOptions(args);
  if (const auto* exit = std::get_if<Exit>(&parsed)) return Error{exit->text};
  return AgentConfig(std::get<Options>(parsed));
}

TEST(AgentConfig, FlagsOfJaegerAgentAloneMeanNoCapture) {
  const auto config = Of({"agent", "--reporter.grpc.host-port=dns:///shop-collector-headless:14250",
                          "--reporter.type=grpc", "--agent.tags=cluster=blue", "--http-server.host-port="});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_FALSE(config->source.enabled);
  EXPECT_EQ(config->ingest.tags.at("cluster"), "blue");
  // --print-config shows it as a file that means the same.
  const auto read = config::Parse(config::Print(*config), "printed");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(config::Differences(*config, *read).empty());
}

TEST(AgentConfig, WithoutFlagsAndFileItCaptures) {
  const auto config = Of({"agent"});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->source.enabled);
}

TEST(AgentConfig, FlagsGoOverTheFile) {
  const auto path = std::filesystem::temp_directory_path() / "tracelet-agent-config.toml";
  std::ofstream(path)
      << "[ingest.jaeger_compact]\nlisten = \":7001\"\n[ingest]\ntags = { a = \"file\", b = \"file\" }\n";
  const auto config = Of({"agent", "--config", path, "--agent.tags=a=flag", "--admin.http.host-port=127.0.0.1:9"});
  std::filesystem::remove(path);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->source.enabled) << "the file does not switch it off";
  EXPECT_EQ(config->ingest.jaeger_compact.listen, ":7001");
  EXPECT_EQ(config->ingest.tags, (std::map<std::string, std::string>{{"a", "flag"}, {"b", "file"}}));
  EXPECT_EQ(config->admin.listen, "127.0.0.1:9");
}

TEST(AgentConfig, TellsWhatJaegerAgentWouldNotStartWith) {
  EXPECT_THAT(Of({"agent", "--processor.jaeger-compact.workers=20"}).error().message,
              testing::HasSubstr("at least one collector"));
  EXPECT_THAT(Of({"agent", "--reporter.grpc.host-port=c:1", "--http-server.host-port=here"}).error().message,
              testing::HasSubstr("ingest.sampling.listen"));
  EXPECT_THAT(Of({"agent", "--reporter.tchannel.host-port=c:1"}).error().message, testing::HasSubstr("--reporter"));
}

}  // namespace
}  // namespace tracelet::cli
