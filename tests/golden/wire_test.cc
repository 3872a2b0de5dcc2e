// What goes to collectors, as messages to look at: tests/golden/wire/*.txt. After a wanted
// change: TRACELET_UPDATE_GOLDEN=1 build/dev/tests/unit_tests --gtest_filter='*Golden*', and read the diff.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "exporter/jaeger/jaeger_encoder.h"
#include "exporter/otlp/otlp_encoder.h"
#include "exporter/proto/jaeger/collector.pb.h"
#include "exporter/proto/otlp/trace_service.pb.h"
#include "tests/unit/exporter/spans.h"

namespace tracelet::exporter {
namespace {

namespace api = ::jaeger::api_v2;
using ::opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;

void ExpectGolden(const std::string& name, const std::string& text) {
  const std::string path = std::string(TRACELET_SOURCE_DIR) + "/tests/golden/wire/" + name;
  if (std::getenv("TRACELET_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ostringstream golden;
  golden << std::ifstream(path).rdbuf();
  EXPECT_EQ(text, golden.str()) << path;
}

pipeline::ResourceTagger Tagger() {
  config::ResourceTagger config;
  config.tags = {{"cluster", "blue"}, {"host.name", "never wins"}};
  return {config, "node-1"};
}

// A failed call, and a server that may have been called by two, with everything a span can say.
void AddCaptured(Encoder& encoder) {
  auto client = Client(5, 4, "orders", 10, 22);
  SetStatus(*client, 503);
  client->attributes.push_back({"error.type", "503"});
  client->trace_state = "vendor=1";
  auto server = Server(6, 0, "stock", 11, 21);
  server->link = span::LinkRule::kNone;
  server->refused = span::LinkRefusal::kAmbiguous;
  server->links = {{{1, 2}, {3}}, {{1, 2}, {4}}};
  server->attributes.push_back({"ratio", 0.5});
  server->attributes.push_back({"first", true});
  server->name = "GET /caf\xe9";
  process::ProcessInfo process = *server->process;
  process.container_id = std::string(64, 'c');
  process.resource_attributes = {"deployment.environment=prod", "host.name=liar", "broken", "service.name=other"};
  server->process = std::make_shared<process::ProcessInfo>(process);
  encoder.Add(*client);
  encoder.Add(*server);
}

span::IngestedBatch Received() {
  api::Batch batch;
  api::Span* const span = batch.add_spans();
  span->set_trace_id(std::string(15, '\0') + "\x01");
  span->set_span_id(std::string(7, '\0') + "\x02");
  span->set_operation_name("op \xff");
  for (const auto& [trace, type] : {std::pair(1, api::FOLLOWS_FROM), {1, api::CHILD_OF}, {9, api::CHILD_OF}}) {
    api::SpanRef* const reference = span->add_references();
    reference->set_trace_id(std::string(15, '\0') + static_cast<char>(trace));
    reference->set_span_id(std::string(7, '\0') + "\x07");
    reference->set_ref_type(type);
  }
  span->set_flags(3);
  span->mutable_start_time()->set_seconds(1'700'049'600);
  span->mutable_duration()->set_nanos(-5'000);
  const auto tag = [](auto* out, const char* key) {
    out->set_key(key);
    return out;
  };
  tag(span->add_tags(), "span.kind")->set_v_str("consumer");
  auto* const error = tag(span->add_tags(), "error");
  error->set_v_type(api::BOOL);
  error->set_v_bool(true);
  auto* const binary = tag(span->add_tags(), "blob");
  binary->set_v_type(api::BINARY);
  binary->set_v_binary(std::string("\0\xff", 2));
  api::Log* const log = span->add_logs();
  log->mutable_timestamp()->set_seconds(1'700'049'601);
  tag(log->add_fields(), "event")->set_v_str("retry");
  tag(log->add_fields(), "cause")->set_v_str("timeout");
  api::Process process;
  process.set_service_name("legacy");
  tag(process.add_tags(), "hostname")->set_v_str("pod-7");
  tag(process.add_tags(), "jaeger.version")->set_v_str("Go-2.30.0");
  return {batch.SerializeAsString(), 1, process.SerializeAsString()};
}

template <typename Message>
std::string Decoded(Encoder& encoder) {
  std::string text;
  for (const Payload& payload : encoder.Take()) {
    Message message;
    EXPECT_TRUE(message.ParseFromString(*payload.bytes));
    text += "# spans: " + std::to_string(payload.spans) + "\n" + message.DebugString();
  }
  return text;
}

TEST(WireGolden, CapturedSpansForJaeger) {
  JaegerEncoder encoder(Tagger());
  AddCaptured(encoder);
  ExpectGolden("captured_jaeger.txt", Decoded<api::PostSpansRequest>(encoder));
}

TEST(WireGolden, CapturedSpansForOtlp) {
  OtlpEncoder encoder(Tagger());
  AddCaptured(encoder);
  ExpectGolden("captured_otlp.txt", Decoded<ExportTraceServiceRequest>(encoder));
}

TEST(WireGolden, ReceivedSpansForJaegerPassUnchanged) {
  JaegerEncoder encoder(Tagger());
  const span::IngestedBatch batch = Received();
  EXPECT_EQ(encoder.Add(batch), 0u);
  EXPECT_EQ(encoder.Add(batch), 0u);
  const auto payloads = encoder.Take();
  ASSERT_EQ(payloads.size(), 1u);
  EXPECT_EQ(payloads[0].spans, 2u);
  api::PostSpansRequest request;
  ASSERT_TRUE(request.ParseFromString(*payloads[0].bytes));
  api::PostSpansRequest expected;
  expected.mutable_batch()->ParseFromString(batch.spans + batch.spans);
  expected.mutable_batch()->mutable_process()->ParseFromString(*batch.process);
  EXPECT_EQ(*payloads[0].bytes, expected.SerializeAsString());
}

TEST(WireGolden, ReceivedSpansForOtlp) {
  OtlpEncoder encoder(Tagger());
  EXPECT_EQ(encoder.Add(Received()), 0u);
  ExpectGolden("received_otlp.txt", Decoded<ExportTraceServiceRequest>(encoder));
}

TEST(WireGolden, BytesAreKnownAndWhatIsNoMessageIsCounted) {
  OtlpEncoder otlp(Tagger());
  JaegerEncoder jaeger(Tagger());
  for (Encoder* const encoder : std::initializer_list<Encoder*>{&otlp, &jaeger}) {
    for (int i = 0; i < 100; ++i) AddCaptured(*encoder);
    const double said = static_cast<double>(encoder->bytes());
    const auto payloads = encoder->Take();
    ASSERT_EQ(payloads.size(), 1u);
    EXPECT_NEAR(said, static_cast<double>(payloads[0].bytes->size()), said / 50);
    EXPECT_EQ(payloads[0].spans, 200u);
    EXPECT_EQ(encoder->bytes(), 0u);
  }
  EXPECT_EQ(otlp.Add({"\x0a\xff", 7, ""}), 7u);
}

}  // namespace
}  // namespace tracelet::exporter
