// `--format json`: one JSON object per line and span, in the order in which the
// spans become final. The keys, always all of them:
//   trace_id span_id parent_span_id   hex; parent_span_id is "" at a root
//   kind                              "server" or "client"
//   name service pid
//   start_unix_nano end_unix_nano     integers
//   status                            "unset" or "error"
//   attributes                        object: OpenTelemetry's keys, and tracelet.link or
//                                     tracelet.link.refused (docs/links.md)
//   links                             array of {trace_id, span_id}
// and trace_state where one was received. Text that is not UTF-8 is shown with
// U+FFFD. Called by the pipeline thread; flushes at every watermark.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "agent/span/span.h"
#include "exporter/exporter.h"
#include "exporter/output.h"
#include "exporter/text_block.h"

namespace tracelet::exporter {

// Appends one line. Takes the attributes of the process already rendered, because
// they are most of the text and the same for all spans of a process.
void AppendJsonLine(const span::Span& span, std::string_view process_attributes, TextBlock& text);

// `"process.pid":…,"host.name":…`: a piece of the attributes object.
std::string RenderProcessAttributes(const process::ProcessInfo& process, std::string_view host_name);

class JsonLines : public Exporter {
 public:
  JsonLines(Output& output, std::string host_name) : output_(output), host_name_(std::move(host_name)) {}

  void OnSpan(std::shared_ptr<const span::Span> span) override;
  void OnWatermark(uint64_t unix_ns) override;
  void Finish() override { output_.Flush(); }

 private:
  struct Rendered {
    std::shared_ptr<const process::ProcessInfo> process;  // kept, so that its address names it
    std::string text;
  };
  static constexpr size_t kProcesses = 256;  // rendered and remembered; a collision only renders again

  const std::string& ProcessAttributes(const std::shared_ptr<const process::ProcessInfo>& process);

  Output& output_;
  std::string host_name_;
  std::array<Rendered, kProcesses> rendered_;
};

}  // namespace tracelet::exporter
