#include "agent/pipeline/sampler.h"

#include <cmath>

namespace tracelet::pipeline {
namespace {

constexpr int kRandomBits = 56;

}  // namespace

bool KeepTrace(span::TraceId trace_id, double ratio) {
  const uint64_t random = trace_id.low & ((uint64_t{1} << kRandomBits) - 1);
  const auto threshold = static_cast<uint64_t>(std::ldexp(1.0 - ratio, kRandomBits));
  return random >= threshold;
}

bool Sampler::Keep(const span::Span& span) const {
  if (config_.parent_based && span.sampled_by_caller) return *span.sampled_by_caller;
  const auto own = config_.services.find(span.process->service_name);
  return KeepTrace(span.trace_id, own == config_.services.end() ? config_.ratio : own->second);
}

void Sampler::OnSpan(std::shared_ptr<const span::Span> span) {
  ++seen_;
  if (span->joined) {
    ++joined_;
  } else if (Keep(*span)) {
    Pass(std::move(span));
  } else {
    ++left_out_;
  }
}

}  // namespace tracelet::pipeline
