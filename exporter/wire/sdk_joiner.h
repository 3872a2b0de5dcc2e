// Received spans on their way to the exporters, while the stitcher looks which of them are
// captured requests: what it finds is added to their encoded form. Batches without spans of
// kind server or client, or of an unknown sender, are not held.
//
// Bounded by config::SdkJoin.max_batches; more pass at once. Offer: any thread;
// TakeSdkBatches: capture thread, which then passes them on.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "agent/ingest/jaeger_model.h"
#include "agent/span/ingested_batch.h"
#include "agent/span/sdk_link.h"
#include "config/config.h"

namespace tracelet::exporter::wire {

class SdkJoiner : public span::SdkInbox {
 public:
  // Who sent the datagram that came from this port of a network namespace at that time
  // (CLOCK_MONOTONIC); 0: not known, or not yet. Capture thread.
  using SenderOf = std::function<uint32_t(uint64_t netns, uint16_t port, uint64_t received_ns)>;
  // The process with its pod's attributes. Capture thread.
  using Named = std::function<std::shared_ptr<const process::ProcessInfo>(
      const std::shared_ptr<const process::ProcessInfo>& process)>;
  static constexpr int kAsks = 10;  // at one watermark each, then it passes

  // `sinks` outlive it.
  SdkJoiner(const config::SdkJoin& config, std::vector<span::IngestSink*> sinks);

  // Asked for what came without its sender. Before the first batch.
  void Ask(SenderOf sender_of) { sender_of_ = std::move(sender_of); }
  // Adds to spans that are captured ones, too, whose pod's they are. Before the first batch.
  void Name(Named named) { named_ = std::move(named); }
  // False: it is not for here.
  bool Offer(const ingest::Batch& batch, const std::shared_ptr<const span::IngestedBatch>& encoded);
  std::vector<std::unique_ptr<span::SdkBatch>> TakeSdkBatches() override;
  // From now on all passes at once, also what waits: nobody looks any more.
  void Close();

 private:
  struct Offered {
    uint64_t netns = 0;
    uint16_t port = 0;
    uint64_t received_ns = 0;
    int asks = 0;
    std::unique_ptr<span::SdkBatch> batch;
  };

  const size_t max_batches_;
  const std::vector<span::IngestSink*> sinks_;
  std::mutex mutex_;
  bool closed_ = false;
  std::vector<Offered> waiting_;
  SenderOf sender_of_;
  Named named_;
};

// The same spans with what the kernel adds: more references and tags at the end of each.
std::string Amend(std::string_view spans, const std::vector<span::SdkJoin>& joins);

}  // namespace tracelet::exporter::wire
