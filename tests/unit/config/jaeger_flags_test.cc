#include "config/jaeger_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

namespace tracelet::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Outcome {
  Config config;
  std::string error;
  std::vector<std::string> notes;
  bool any = false;
};

Outcome Parse(std::vector<std::string> args, Config config = {}) {
  args = WithEmptyValues(args);
  CLI::App app;
  JaegerFlags flags;
  AddJaegerFlags(app, flags);
  std::reverse(args.begin(), args.end());
  Outcome outcome{.config = std::move(config), .error = {}, .notes = {}};
  try {
    app.parse(args);
  } catch (const CLI::ParseError& error) {
    outcome.error = error.what();
    return outcome;
  }
  outcome.any = Any(flags);
  auto notes = Apply(flags, outcome.config);
  if (notes) {
    outcome.notes = *notes;
  } else {
    outcome.error = notes.error().message;
  }
  return outcome;
}

class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Environment() { unsetenv(name_); }

 private:
  const char* name_;
};

TEST(JaegerFlags, NoneChangesNothing) {
  const auto outcome = Parse({});
  EXPECT_EQ(outcome.error, "");
  EXPECT_FALSE(outcome.any);
  EXPECT_EQ(outcome.config.ingest.jaeger_compact.listen, ":6831");
  EXPECT_EQ(outcome.config.ingest.jaeger_compact.receive_buffer_bytes, UdpPort{}.receive_buffer_bytes);
}

TEST(JaegerFlags, WhatTheJaegerOperatorPasses) {
  const auto outcome = Parse({"--reporter.grpc.host-port=dns:///shop-collector-headless.default:14250",
                              "--reporter.grpc.tls.enabled=true", "--reporter.grpc.tls.ca=/ca.crt",
                              "--agent.tags=cluster=undefined,container.name=shop"});
  EXPECT_EQ(outcome.error, "");
  EXPECT_TRUE(outcome.any);
  EXPECT_THAT(outcome.config.exporter.jaeger.endpoints, ElementsAre("dns:///shop-collector-headless.default:14250"));
  EXPECT_TRUE(outcome.config.exporter.jaeger.tls.enabled);
  EXPECT_EQ(outcome.config.exporter.jaeger.tls.ca_file, "/ca.crt");
  EXPECT_EQ(outcome.config.ingest.tags.at("container.name"), "shop");
}

TEST(JaegerFlags, TlsOfTheAdminPort) {
  const auto outcome =
      Parse({"--admin.http.tls.enabled=true", "--admin.http.tls.cert=c.pem", "--admin.http.tls.key=k.pem",
             "--admin.http.tls.client-ca=ca.pem", "--admin.http.tls.min-version=1.3"});
  EXPECT_EQ(outcome.error, "");
  const AdminTls& tls = outcome.config.admin.tls;
  EXPECT_TRUE(tls.enabled);
  EXPECT_THAT((std::vector<std::string>{tls.cert_file, tls.key_file, tls.client_ca_file, tls.min_version}),
              ElementsAre("c.pem", "k.pem", "ca.pem", "1.3"));
}

TEST(JaegerFlags, MapsThePorts) {
  const auto outcome = Parse(
      {"--processor.jaeger-compact.server-host-port=7000", "--processor.jaeger-binary.server-host-port",
       "127.0.0.1:7001", "--processor.zipkin-compact.workers=50", "--processor.jaeger-compact.server-queue-size=100000",
       "--processor.jaeger-compact.server-max-packet-size=0", "--processor.jaeger-binary.server-max-packet-size=9000",
       "--processor.zipkin-compact.server-socket-buffer-size=4096",
       "--http-server.host-port=", "--admin.http.host-port=:9999"});
  EXPECT_EQ(outcome.error, "");
  const Ingest& ingest = outcome.config.ingest;
  EXPECT_EQ(ingest.jaeger_compact.listen, ":7000");
  EXPECT_EQ(ingest.jaeger_binary.listen, "127.0.0.1:7001");
  EXPECT_EQ(ingest.zipkin_compact.threads, 5U);
  EXPECT_EQ(ingest.jaeger_compact.receive_buffer_bytes, 230'400'000U);
  EXPECT_EQ(ingest.jaeger_compact.max_packet_bytes, 65'000U);
  EXPECT_EQ(ingest.jaeger_binary.max_packet_bytes, 9'000U);
  EXPECT_EQ(ingest.zipkin_compact.receive_buffer_bytes, UdpPort{}.receive_buffer_bytes) << "never less than ours";
  EXPECT_EQ(ingest.sampling.listen, ":5778");
  EXPECT_EQ(outcome.config.admin.listen, ":9999");
}

TEST(JaegerFlags, TheEnvironmentYieldsToFlags) {
  const Environment reporter("REPORTER_GRPC_HOST_PORT", "a:14250, b:14250");
  const Environment buffer("PROCESSOR_JAEGER_COMPACT_SERVER_SOCKET_BUFFER_SIZE", "33554432");
  auto outcome = Parse({});
  EXPECT_TRUE(outcome.any);
  EXPECT_THAT(outcome.config.exporter.jaeger.endpoints, ElementsAre("a:14250", "b:14250"));
  EXPECT_EQ(outcome.config.ingest.jaeger_compact.receive_buffer_bytes, 33'554'432U);
  outcome = Parse({"--reporter.grpc.host-port=c:1"});
  EXPECT_THAT(outcome.config.exporter.jaeger.endpoints, ElementsAre("c:1"));
}

TEST(JaegerFlags, MistakesAreErrors) {
  EXPECT_NE(Parse({"--reporter.tchannel.host-port=x:1"}).error, "") << "unknown, as in the reference";
  EXPECT_THAT(Parse({"--reporter.type=tchannel"}).error, HasSubstr("unknown reporter type tchannel"));
  EXPECT_THAT(Parse({"--reporter.grpc.host-port="}).error, HasSubstr("at least one collector"));
  EXPECT_THAT(Parse({"--reporter.grpc.tls.ca=/ca"}).error, HasSubstr("tls.enabled"));
  EXPECT_THAT(Parse({"--processor.jaeger-compact.server-host-port="}).error, HasSubstr("must not be empty"));
  EXPECT_THAT(Parse({"--processor.jaeger-binary.workers=-1"}).error, HasSubstr("must not be negative"));
  EXPECT_THAT(Parse({"--processor.jaeger-binary.server-queue-size=-1"}).error, HasSubstr("must not be negative"));
  EXPECT_THAT(Parse({"--metrics-backend=odd"}).error, HasSubstr("odd"));
  EXPECT_THAT(Parse({"--admin.http.tls.enabled"}).error, HasSubstr("--admin.http.tls.cert"));
  EXPECT_THAT(Parse({"--admin.http.tls.key=k"}).error, HasSubstr("tls.enabled is not"));
  EXPECT_THAT(Parse({"--admin.http.tls.cipher-suites=TLS_AES_128_GCM_SHA256"}).error, HasSubstr("cipher-suites"));
  EXPECT_THAT(Parse({"--config-file=a.yaml"}).error, HasSubstr("--print-config"));
  EXPECT_THAT(Parse({"--log-level=loud"}).error, HasSubstr("loud"));
  EXPECT_THAT(Parse({"--agent.tags=a"}).error, HasSubstr("KEY=VALUE"));
  EXPECT_NE(Parse({"--processor.jaeger-binary.workers=many"}).error, "");
}

TEST(JaegerFlags, KnowsTheLevelsOfTheLog) {
  JaegerFlags flags;
  EXPECT_EQ(*LogLevel(flags), "info");
  flags.log_level = "warn";
  EXPECT_EQ(*LogLevel(flags), "warning");
  flags.log_level = "fatal";
  EXPECT_EQ(*LogLevel(flags), "critical");
}

TEST(JaegerFlags, SaysWhatHasNoEffect) {
  EXPECT_THAT(Parse({"--reporter.grpc.retry.max=5", "--reporter.grpc.discovery.min-peers=1"}).notes,
              testing::SizeIs(2));
}

TEST(AgentTags, ExpandTheEnvironment) {
  const Environment set("TRACELET_TEST_SET", "here");
  const auto tags = ParseAgentTags(
      " a=1 , b=${TRACELET_TEST_SET:x},c=${TRACELET_TEST_UNSET:def},d=${TRACELET_TEST_UNSET:},"
      "e=${TRACELET_TEST_UNSET}, f=x=y");
  ASSERT_TRUE(tags);
  const std::map<std::string, std::string> expected = {
      {"a", "1"}, {"b", "here"}, {"c", "def"}, {"d", ""}, {"f", "x=y"}};
  EXPECT_EQ(*tags, expected);
  EXPECT_TRUE(ParseAgentTags("")->empty());
}

}  // namespace
}  // namespace tracelet::config
