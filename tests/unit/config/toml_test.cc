#include "config/toml.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "config/nearest.h"
#include "config/schema.h"

namespace tracelet::config {
namespace {

std::string Mistakes(const std::string& text) {
  const auto config = Parse(text, "t.toml");
  return config ? "none" : config.error().message;
}

// After a wanted change: TRACELET_UPDATE_GOLDEN=1 build/dev/tests/unit_tests --gtest_filter='Toml.*'
TEST(Toml, TheFileInTheTreeSaysTheDefaults) {
  const std::string path = std::string(TRACELET_SOURCE_DIR) + "/config/tracelet.toml";
  if (std::getenv("TRACELET_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << Print({});
  std::ostringstream file;
  file << std::ifstream(path).rdbuf();
  EXPECT_EQ(file.str(), Print({}));
  const auto loaded = Load(path);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_TRUE(Differences(*loaded, {}).empty());
}

// Sets every key to something else, prints, reads: nothing may be lost on the way.
TEST(Toml, EveryKeySurvivesPrintingAndReading) {
  struct Change {
    const Key& key;
    void operator()(bool* value) const { *value = !*value; }
    void operator()(uint32_t* value) const { *value = *value * 2 <= key.max ? std::max(1u, *value * 2) : *value / 2; }
    void operator()(uint64_t* value) const {
      *value = static_cast<double>(*value * 2) <= key.max ? std::max<uint64_t>(1, *value * 2) : *value / 2;
    }
    void operator()(double* value) const { *value = 0.125; }
    void operator()(std::string* value) const {
      *value = key.name == "listen" ? "[::1]:99" : key.choices.empty() ? "a \"b\"\\\n" : key.choices.back();
    }
    void operator()(Texts* value) const { *value = {"http://one:1", "https://two:2"}; }
    void operator()(std::vector<uint32_t>* value) const { *value = {1, 70'000}; }
    void operator()(std::vector<uint16_t>* value) const { *value = {1, 65'535}; }
    void operator()(TextMap* value) const { *value = {{"a.b c", "x"}, {"d", ""}}; }
    void operator()(ShareMap* value) const { *value = {{"shop", 0.5}, {"a/b", 1}}; }
  };
  Config config;
  size_t keys = 0;
  for (const Section& section : Schema(config)) {
    for (const Key& key : section.keys) {
      std::visit(Change{key}, key.place);
      ++keys;
    }
  }
  EXPECT_EQ(Differences(config, {}).size(), keys);
  // What cannot be together.
  config.exporter.jaeger.endpoints = {"one:1", "dns:///two:2"};
  config.exporter.otlp.tls.server_name = "";
  config.exporter.otlp.endpoints = {"https://two:2"};
  config.peer.agents = {{"10.1.0.0/16", "one:1"}};
  config.peer.service = "all:2";
  const auto read = Parse(Print(config), "printed");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(Differences(config, *read), std::vector<std::string>{});
}

TEST(Toml, LeavesTheRestAsItIs) {
  const auto config = Parse("[exporter.otlp]\nendpoints = [\"c:4317\"]\nheaders = { k = \"v\" }\n", "t.toml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(Differences(*config, {}), (std::vector<std::string>{"exporter.otlp.endpoints", "exporter.otlp.headers"}));
  EXPECT_EQ(config->exporter.otlp.headers.at("k"), "v");
  EXPECT_TRUE(Parse("", "t.toml"));
}

TEST(Toml, TellsUnknownKeysWithTheNearestOne) {
  EXPECT_EQ(Mistakes("[exporter.otlp]\n\nendpoint = [\"c:4317\"]"),
            "t.toml:3: there is no key exporter.otlp.endpoint; did you mean exporter.otlp.endpoints?");
  EXPECT_EQ(Mistakes("[exporters.otlp]\n"), "t.toml:1: there is no key exporters.otlp; did you mean exporter.otlp?");
  EXPECT_EQ(Mistakes("[exporter]\nbatch_spans = 1"),
            "t.toml:2: there is no key exporter.batch_spans; did you mean exporter.jaeger.delivery.batch_spans?");
  EXPECT_EQ(Mistakes("colour = 1"), "t.toml:1: there is no key colour");
  EXPECT_EQ(Mistakes("[selector.pids]\nx = 1"), "t.toml:1: selector.pids must be a list in brackets");
}

TEST(Toml, TellsWrongTypesAndValues) {
  EXPECT_EQ(Mistakes("[source]\nring_bytes = \"8M\""), "t.toml:2: source.ring_bytes must be a whole number");
  EXPECT_EQ(Mistakes("[source]\nring_bytes = 1.5"), "t.toml:2: source.ring_bytes must be a whole number");
  EXPECT_EQ(Mistakes("[source]\nring_bytes = -1"), "t.toml:2: source.ring_bytes -1 is not from 4096 to 1073741824");
  EXPECT_EQ(Mistakes("[selector]\nports = [80, 70000]"), "t.toml:2: selector.ports each 70000 is not from 1 to 65535");
  EXPECT_EQ(Mistakes("[selector]\nexes = \"nginx\""), "t.toml:2: selector.exes must be a list in brackets");
  EXPECT_EQ(Mistakes("[exporter.otlp]\ngzip = 1"), "t.toml:2: exporter.otlp.gzip must be true or false");
  EXPECT_EQ(Mistakes("[exporter.otlp]\nprotocol = \"udp\""),
            "t.toml:2: exporter.otlp.protocol must be \"grpc\" or \"http\"");
  EXPECT_EQ(Mistakes("[pipeline.sampler]\nratio = 1.1"), "t.toml:2: pipeline.sampler.ratio 1.1 is not from 0 to 1");
  EXPECT_EQ(Mistakes("[pipeline.sampler]\nservices = { shop = 2 }"),
            "t.toml:2: pipeline.sampler.services \"shop\" 2 is not from 0 to 1");
  EXPECT_EQ(Mistakes("[pipeline.sampler]\nratio = nan"), "t.toml:2: pipeline.sampler.ratio nan is not from 0 to 1");
}

TEST(Toml, TellsAllMistakesInTheOrderOfTheirLines) {
  EXPECT_EQ(Mistakes("[source]\nb = 1\n[conn]\na = 1\n"),
            "t.toml:2: there is no key source.b\nt.toml:4: there is no key conn.a");
}

TEST(Toml, TellsWhatCannotBe) {
  EXPECT_EQ(Mistakes("[source]\nring_bytes = 5000"), "t.toml:2: source.ring_bytes is not a power of two");
  EXPECT_EQ(Mistakes("[exporter.jaeger]\nendpoints = [\"http://c:14250\"]"),
            "t.toml:2: exporter.jaeger.endpoints has \"http://c:14250\", which is not HOST:PORT");
  EXPECT_EQ(Mistakes("[exporter.otlp]\nprotocol = \"http\"\nendpoints = [\"c:4318\"]"),
            "t.toml:3: exporter.otlp.endpoints has \"c:4318\", which is not http(s)://HOST[:PORT][/PATH]");
  EXPECT_EQ(Mistakes("[exporter.jaeger.tls]\nenabled = true\ncert_file = \"c\""),
            "t.toml:3: exporter.jaeger.tls.cert_file and key_file are of use only together");
  EXPECT_EQ(Mistakes("[exporter.file.delivery]\nqueue_bytes = 2048"),
            "t.toml:1: exporter.file.delivery.batch_bytes is more than queue_bytes: no batch would fit");
  EXPECT_EQ(Mistakes("[admin]\nlisten = \"here\""), "t.toml:2: admin.listen is not HOST:PORT or :PORT");
  EXPECT_EQ(Mistakes("[ingest.jaeger_compact]\nlisten = \"::1:6831\""),
            "t.toml:2: ingest.jaeger_compact.listen is not HOST:PORT or :PORT");
}

TEST(Toml, TellsWhatIsNoToml) {
  const std::string mistakes = Mistakes("[source]\nring_bytes = \n");
  EXPECT_EQ(mistakes.rfind("t.toml:2: ", 0), 0u) << mistakes;
  EXPECT_FALSE(Load("/nonexistent/tracelet.toml"));
}

TEST(Nearest, NamesOnlyWhatIsNear) {
  const std::vector<std::string> names = {"source.ring_bytes", "admin.listen"};
  EXPECT_EQ(Nearest("source.ringbytes", names), "source.ring_bytes");
  EXPECT_EQ(Nearest("http.listen", names), "admin.listen");
  EXPECT_EQ(Nearest("source.unrelated_thing", names), std::nullopt);
}

}  // namespace
}  // namespace tracelet::config
